"""Mutants that change no answer, each with the reason. Everything else must be noticed."""

from __future__ import annotations

# What gives nothing, by the name of the mutant.
EQUIVALENT: dict[str, str] = {
    **dict.fromkeys(
        (
            "AsksForValuesTokens: every action",
            "LogsInAsTheProvisioner: every action",
            "AsksWhatBecameOfTransactions: every action",
            "LogsInAsItsTag: every action",
        ),
        "A database user is the resource of rds-db:connect, and of nothing else.",
    ),
    **dict.fromkeys(
        ("ListsVersions: s3:*", "ListsVersions: every action"),
        "Only listings have a prefix, and the role has the right to both.",
    ),
    **dict.fromkeys(
        (
            "LambdaAttachesTheFunction: Resource arn:aws:ec2:us-east-1:123456789012:network-interface/* "
            "as arn:aws:ec2:us-east-1:123456789012:*",
            "LambdaAttachesTheFunction: Resource arn:aws:ec2:us-east-1:123456789012:security-group/* "
            "as arn:aws:ec2:us-east-1:123456789012:*",
            "LambdaAttachesTheFunction: Resource arn:aws:ec2:us-east-1:123456789012:subnet/* "
            "as arn:aws:ec2:us-east-1:123456789012:*",
        ),
        "The four actions have no other type of resource than the three that are named.",
    ),
    "ReadsTheAlarm: Resource arn:aws:cloudwatch:us-east-1:123456789012:alarm:* "
    "as arn:aws:cloudwatch:us-east-1:123456789012:*": "Alarms are the only resource of DescribeAlarms.",
    **dict.fromkeys(
        ("QueryAndRunForOneTask: any sts:SourceIdentity", "UnderItsTasksName: any sts:SourceIdentity"),
        "STS takes no empty source identity, and one that is absent matches no pattern.",
    ),
    **dict.fromkeys(
        (
            "TheSequencerSigns: kms:*",
            "TheSequencerSigns: every action",
            *(
                f"TheSequencerSigns: and kms:{action}"
                for action in (
                    "Decrypt",
                    "Encrypt",
                    "GetPublicKey",
                    "ImportKeyMaterial",
                    "PutKeyPolicy",
                    "ReplicateKey",
                )
            ),
            "TheSequencerSigns: and kms:CreateGrant",
        ),
        "The statement asks for a message type and a signing algorithm, which only Sign and Verify have.",
    ),
}

# What a second wall holds: with that one down, too, it is noticed.
BEHIND: dict[str, str] = {
    "TheSequencerSigns: without StringEquals kms:MessageType": "NothingButWholeMessages: taken out",
    "TheSequencerSigns: without StringEquals kms:SigningAlgorithm": "NothingButEd25519: taken out",
    "NothingButWholeMessages: taken out": "TheSequencerSigns: without StringEquals kms:MessageType",
    "NothingButEd25519: taken out": "TheSequencerSigns: without StringEquals kms:SigningAlgorithm",
    "TheSequencerSigns: anybody": "NobodyElseSigns: taken out",
    "TheSequencerSigns: and the account": "NobodyElseSigns: taken out",
    "NobodyElseSigns: taken out": "TheSequencerSigns: anybody",
    "NobodyElseSigns: any aws:PrincipalArn": "TheSequencerSigns: anybody",
    "NobodyIsGrantedIt: taken out": "TheAccountKeepsIt: and kms:CreateGrant",
    "TheAccountKeepsIt: and kms:CreateGrant": "NobodyIsGrantedIt: taken out",
    "TheAccountKeepsIt: and kms:Sign": "NobodyElseSigns: taken out",
}
