"""Claim tables of continuous integration: GitHub Actions and GitLab CI/CD.

Both sign for every project in the world under one issuer. Both run code of people outside a project where somebody
opens a pull or merge request, so those runs need a preset of their own name.
"""

from __future__ import annotations

from dataclasses import replace

from postern.identity.claim_rules import Requirement, pattern
from postern.identity.presets import Binding, Preset

# Events whose workflow comes from a branch or tag of the repository itself. An allow-list: an event that GitHub adds
# later may be one that strangers cause. https://docs.github.com/en/actions/reference/workflows-and-actions/events
_GITHUB_EVENTS = (
    *("branch_protection_rule", "check_run", "check_suite", "create", "delete", "deployment", "deployment_status"),
    *("discussion", "discussion_comment", "dynamic", "fork", "gollum", "image_version", "issue_comment", "issues"),
    *("label", "merge_group", "milestone", "page_build", "public", "push", "registry_package", "release"),
    *("repository_dispatch", "schedule", "status", "watch", "workflow_dispatch", "workflow_run"),
)
_ID_STRANGERS = (*("9" * length for length in range(1, 13)), "{}9", "9{}")
_NAME_STRANGERS = ("stranger", "{}-stranger", "{}stranger", "stranger-{}", "stranger{}")
_PATH_STRANGERS = (
    *("stranger/stranger", "stranger/{}", "stranger/stranger{}", "stranger/{}stranger"),
    *("{}-stranger/stranger", "{}-stranger/{}", "{}stranger/{}", "stranger{}/{}"),
)
_HOST = r"[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?"

GITHUB_PULL_REQUESTS = Preset(
    name="github-actions-pull-requests",
    about="GitHub Actions, pull requests too: the code that runs may be of anybody who can open one",
    # github.com, an enterprise's own issuer there, data residency, Enterprise Server.
    issuers=r"https://token\.actions\.githubusercontent\.com(/[A-Za-z0-9-]+)?"
    r"|https://token\.actions\.[a-z0-9-]+\.ghe\.com(/[A-Za-z0-9-]+)?"
    rf"|https://{_HOST}/_services/token",
    example="https://token.actions.githubusercontent.com",
    default_issuer="https://token.actions.githubusercontent.com",
    algorithms=frozenset({"RS256"}),
    types=frozenset({"jwt"}),
    bind=(
        Binding("repository_owner_id", _ID_STRANGERS),
        Binding("repository_id", _ID_STRANGERS),
        Binding("repository_owner", _NAME_STRANGERS),
        Binding("repository", _PATH_STRANGERS),
        Binding("enterprise_id", _ID_STRANGERS),
    ),
    # `sub` can be put together as a repository likes; these cannot.
    match=(pattern("repository", r"[^/]+/[^/]+"), pattern("run_id", r"[0-9]+")),
    attributes={
        "repository": "repository",
        "repository_id": "repository_id",
        "workflow_ref": "workflow_ref",
        "ref": "ref",
        "sha": "sha",
        "run_id": "run_id",
        "run_attempt": "run_attempt",
        "event_name": "event_name",
        "environment": "environment",
        "runner_environment": "runner_environment",
    },
    persons=("actor", "actor_id"),
)

GITHUB = replace(
    GITHUB_PULL_REQUESTS,
    name="github-actions",
    about="GitHub Actions, runs of branches and tags; not those of pull requests",
    require=(Requirement("event_name", _GITHUB_EVENTS),),
    match=(*GITHUB_PULL_REQUESTS.match, pattern("ref", r"refs/(heads|tags)/.+")),
)

GITLAB_MERGE_REQUESTS = Preset(
    name="gitlab-ci-merge-requests",
    about="GitLab CI/CD, merge requests and child pipelines too: the code that runs may be a fork's",
    issuers=rf"https://{_HOST}(/[A-Za-z0-9._-]+)*",
    example="https://gitlab.com",
    default_issuer="https://gitlab.com",
    algorithms=frozenset({"RS256"}),
    types=frozenset({"jwt"}),
    bind=(
        Binding("project_id", _ID_STRANGERS),
        Binding("namespace_id", _ID_STRANGERS),
        Binding("project_path", (*_PATH_STRANGERS, "stranger/{}/{}", "{}-stranger/stranger/stranger")),
        Binding("namespace_path", (*_NAME_STRANGERS, "stranger/{}", "{}-stranger/stranger")),
    ),
    match=(pattern("project_id", r"[0-9]+"), pattern("job_id", r"[0-9]+")),
    attributes={
        "project_path": "project_path",
        "project_id": "project_id",
        "namespace_path": "namespace_path",
        "ref": "ref",
        "ref_protected": "ref_protected",
        "sha": "sha",
        "environment": "environment",
        "pipeline_id": "pipeline_id",
        "pipeline_source": "pipeline_source",
        "job_id": "job_id",
        "email": "user_email",  # by which a person who approves is known again
        "runner_environment": "runner_environment",
    },
    lists=frozenset({"user_identities", "groups_direct"}),
    persons=("user_login", "user_id", "user_email"),
)

GITLAB = replace(
    GITLAB_MERGE_REQUESTS,
    name="gitlab-ci",
    about="GitLab CI/CD, pipelines of branches and tags; not merge requests, nor child pipelines, which do not say"
    " what started their parent",
    # https://docs.gitlab.com/ci/jobs/job_rules/#ci_pipeline_source-predefined-variable
    require=(
        Requirement(
            "pipeline_source",
            (
                *("api", "chat", "duo_workflow", "ondemand_dast_scan", "ondemand_dast_validation", "pipeline"),
                *("push", "schedule", "security_orchestration_policy", "trigger", "web", "webide"),
            ),
        ),
    ),
    match=(*GITLAB_MERGE_REQUESTS.match, pattern("ref_path", r"refs/(heads|tags)/.+")),
)

CI = (GITHUB, GITHUB_PULL_REQUESTS, GITLAB, GITLAB_MERGE_REQUESTS)
