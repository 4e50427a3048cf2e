"""Claim tables of places where workloads run: Kubernetes, AWS, Google Cloud."""

from __future__ import annotations

from dataclasses import replace

from postern.identity.claim_rules import Requirement, pattern
from postern.identity.claims import pointer
from postern.identity.presets import Binding, Preset

_K8S = "kubernetes.io"
_AWS = "https://sts.amazonaws.com/"
_NAMESPACE = pointer(_K8S, "namespace")
_ACCOUNT = pointer(_AWS, "aws_account")
_PROJECT = pointer("google", "compute_engine", "project_id")

KUBERNETES = Preset(
    name="kubernetes",
    about="service accounts of a Kubernetes cluster, by projected tokens",
    issuers=r"https://[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*/?",
    example="https://kubernetes.acme.example",
    # What kube-apiserver can sign with (--service-account-signing-key-file).
    algorithms=frozenset({"RS256", "ES256", "ES384", "ES512"}),
    types=frozenset({"absent", "jwt"}),  # the API server writes none, an external signer may
    bind=(
        Binding("sub", ("system:serviceaccount:stranger:stranger", "system:serviceaccount:stranger:{}")),
        Binding(_NAMESPACE, ("stranger",)),
        Binding(pointer(_K8S, "serviceaccount", "uid"), ("00000000-0000-4000-8000-00000000dead",)),
    ),
    match=(
        pattern("sub", r"system:serviceaccount:[a-z0-9-]+:[a-z0-9.-]+"),
        pattern(_NAMESPACE, r"[a-z0-9-]+"),
        pattern(pointer(_K8S, "serviceaccount", "name"), r"[a-z0-9.-]+"),
    ),
    attributes={
        "namespace": _NAMESPACE,
        "service_account": pointer(_K8S, "serviceaccount", "name"),
        "service_account_uid": pointer(_K8S, "serviceaccount", "uid"),
        "pod": pointer(_K8S, "pod", "name"),
        "node": pointer(_K8S, "node", "name"),
    },
)

EKS = replace(
    KUBERNETES,
    name="eks",
    about="service accounts of an Amazon EKS cluster: the issuer that IRSA uses",
    issuers=r"https://oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/id/[0-9A-F]{32}",
    example="https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF",
    algorithms=frozenset({"RS256"}),
)

AWS = Preset(
    name="aws",
    about="IAM roles and users of one AWS account, by STS GetWebIdentityToken",
    issuers=r"https://[a-z0-9-]+\.tokens\.sts\.global\.api\.aws",
    example="https://abc123-def456-ghi789-jkl012.tokens.sts.global.api.aws",
    algorithms=frozenset({"RS256", "ES384"}),
    types=frozenset({"jwt", "absent"}),  # AWS does not say which
    bind=(
        Binding("sub", ("arn:aws:iam::999999999999:role/stranger", "arn:aws:iam::999999999999:role/{}")),
        Binding(
            pointer(_AWS, "lambda_source_function_arn"),
            ("arn:aws:lambda:eu-west-1:999999999999:function:stranger", "arn:aws:lambda:us-east-1:9:function:{}"),
        ),
    ),
    match=(pattern("sub", r"arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:.+"), pattern(_ACCOUNT, r"[0-9]{12}")),
    # `request_tags` are whatever the caller sent along, and bind nothing.
    attributes={
        "aws_account": _ACCOUNT,
        "aws_region": pointer(_AWS, "source_region"),
        "aws_function": pointer(_AWS, "lambda_source_function_arn"),
    },
)

_VERIFIED = Requirement("email_verified", (True,))

GOOGLE = Preset(
    name="google",
    about="Google Cloud service accounts, by ID tokens with our audience",
    issuers=r"https://accounts\.google\.com",
    example="https://accounts.google.com",
    default_issuer="https://accounts.google.com",
    algorithms=frozenset({"RS256"}),
    types=frozenset({"jwt"}),
    bind=(
        Binding(
            "email",
            (
                *("stranger@stranger.iam.gserviceaccount.com", "{}@stranger.iam.gserviceaccount.com"),
                *("{}@{}-stranger.iam.gserviceaccount.com", "{}@{}.iam.stranger.example"),
                *("stranger@{}-stranger.iam.gserviceaccount.com", "999-compute@developer.gserviceaccount.com"),
                *("{}@stranger{}.iam.gserviceaccount.com", "{}@{}stranger.iam.gserviceaccount.com"),
            ),
            also=(_VERIFIED,),
        ),
        Binding("sub", ("9" * 20, "9" * 21, "{}9", "9{}")),
        Binding(_PROJECT, ("stranger", "{}-stranger", "{}stranger", "stranger-{}", "stranger{}")),
    ),
    match=(pattern("sub", r"[0-9]+"), pattern("azp", r".+")),
    absent=("hd", "nonce", "at_hash"),  # only people's tokens have them
    attributes={
        "email": "email",
        "google_project": _PROJECT,
        "google_instance": pointer("google", "compute_engine", "instance_id"),
    },
)

WORKLOADS = (KUBERNETES, EKS, AWS, GOOGLE)
