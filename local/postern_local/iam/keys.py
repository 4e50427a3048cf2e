"""The condition keys that the local stack gives a value to, or knows to be absent.

A policy that names another key does not load: its condition would never match, or always.
Keys are compared without regard to case, as AWS does.
"""

from __future__ import annotations

_SINGLE_VALUED = frozenset(
    {
        "aws:currenttime",
        "aws:epochtime",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalisawsservice",
        "aws:principaltype",
        "aws:requestedregion",
        "aws:resourceaccount",
        "aws:securetransport",
        "aws:sourceaccount",  # of the bucket that S3 speaks of to a queue; absent otherwise
        "aws:sourcearn",  # likewise
        "aws:sourceidentity",
        "aws:sourceip",
        "aws:sourcevpc",  # absent: there is no network of AWS's here
        "aws:sourcevpce",  # absent, likewise
        "aws:userid",
        "aws:username",
        "aws:viaawsservice",
        "kms:messagetype",
        "kms:signingalgorithm",
        "kms:viaservice",  # absent: no service uses a key for a caller here
        "lambda:sourcefunctionarn",
        "s3:authtype",
        "s3:delimiter",
        "s3:if-match",
        "s3:if-none-match",
        "s3:max-keys",
        "s3:object-lock-event-hold",  # absent: moto knows no event holds
        "s3:object-lock-legal-hold",
        "s3:object-lock-mode",
        "s3:object-lock-remaining-retention-days",
        "s3:object-lock-retain-until-date",
        "s3:objectcreationoperation",
        "s3:prefix",
        "s3:resourceaccount",
        "s3:signatureversion",
        "s3:tlsversion",
        "s3:versionid",
        "s3:x-amz-acl",
        "s3:x-amz-content-sha256",
        "s3:x-amz-copy-source",
        "s3:x-amz-server-side-encryption",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "s3:x-amz-server-side-encryption-customer-algorithm",
        "s3:x-amz-storage-class",
        "sts:externalid",
        "sts:rolesessionname",
        "sts:sourceidentity",
    }
)
_SINGLE_VALUED_PREFIXES = ("aws:principaltag/", "aws:requesttag/", "kms:encryptioncontext:")
_MULTI_VALUED = frozenset({"aws:tagkeys", "dynamodb:leadingkeys", "kms:encryptioncontextkeys", "sts:transitivetagkeys"})


def is_single_valued_key(key: str) -> bool:
    """Whether the key is known and has at most one value a request."""
    name = key.lower()
    return name in _SINGLE_VALUED or any(
        name.startswith(prefix) and len(name) > len(prefix) for prefix in _SINGLE_VALUED_PREFIXES
    )


def is_multi_valued_key(key: str) -> bool:
    """Whether the key is known and can have several values a request: it needs `ForAnyValue` or `ForAllValues`."""
    return key.lower() in _MULTI_VALUED
