"""What a schema cannot say, told to schemathesis: what photographs are, which files belong to which job, and that the
prepared jobs are to stay.

The folder it runs in has `photographs/` and `files.json`, the files of each prepared job (tests/e2e/openapi/tools.rs).
"""

import json
from pathlib import Path

import schemathesis
from hypothesis import strategies as st

FILES = json.loads(Path("files.json").read_text())
UPLOADS = ("POST /api/v1/upload", "POST /api/v1/upload/batch", "POST /api/v1/upload/image")
# Of `GenerateOrder`. Any other field is an option, and only the model knows which there are.
GENERATE = ("job_id", "file_id", "model", "webhook_url", "face_limit")


def photographs(pattern):
    files = [path.read_bytes() for path in sorted(Path("photographs").glob(pattern))]
    assert files, f"there are no photographs {pattern}"
    return st.sampled_from(files)


schemathesis.openapi.media_type("image/jpeg", photographs("*.jpg"))
schemathesis.openapi.media_type("image/png", photographs("*.png"))


@schemathesis.hook
def map_body(context, body):
    label = context.operation.label if context.operation else ""
    form = getattr(body, "body", body)
    if not isinstance(form, dict):
        return body
    # Any text fits the schema, and hardly one is an address that webhooks may have: a schema's own faults stay.
    webhook = form.get("webhook_url")
    if (label in UPLOADS or "/models/generate" in label) and isinstance(webhook, str) and len(webhook) <= 2048:
        del form["webhook_url"]
    # Fields that nobody knows are ignored; but not every name of one makes a part that can be read.
    if label in UPLOADS:
        for name in [name for name in form if not (name.isascii() and name.replace("_", "").isalnum())]:
            del form[name]
    # One photograph stands for the field, which is a list.
    if label in UPLOADS and isinstance(form.get("files"), bytes):
        form["files"] = [form["files"]] * (1 + len(form["files"]) % 2)
    if label == "POST /api/v1/models/generate-single":
        for name in [name for name in form if name not in GENERATE]:
            del form[name]
        of_one_job(form)
    return body


def of_one_job(values):
    """A prepared file is asked for with the job that it is in, if that is one of those."""
    job, file = values.get("job_id"), values.get("file_id")
    known = isinstance(job, str) and job in FILES and isinstance(file, str)
    if known and any(file in files for files in FILES.values()):
        values["file_id"] = FILES[job][0]


def is_age(value):
    try:
        return not isinstance(value, bool) and 0 <= float(value) <= 87600
    except (TypeError, ValueError):
        return False


def clean_up(*sources):
    """What is said twice has to be the same, which no schema can say: of ages, and of whether it is a dry run, the first stays."""
    ages = [(source, name) for source in sources for name in ("older_than_hours", "hours") if is_age(source.get(name))]
    dry = [(source, "dry_run") for source in sources if str(source.get("dry_run")).lower() in ("true", "false")]
    for source, name in ages[1:] + dry[1:]:
        del source[name]
    for source, name in ages[:1]:
        if float(source[name]) < 1:
            source[name] = 1


@schemathesis.hook
def before_call(context, case, kwargs):
    """The prepared jobs stay: none of them is deleted, and none is old enough to be cleaned up."""
    if case.method.upper() == "GET":
        of_one_job(case.path_parameters or {})
    label, body = case.operation.label, case.body if isinstance(case.body, dict) else {}
    if label == "POST /api/v1/admin/cleanup":
        clean_up(body, case.query or {})
    if label in ("DELETE /api/v1/admin/delete-job/{job_id}", "POST /api/v1/admin/cleanup-job"):
        for values in (case.path_parameters or {}, body):
            if str(values.get("job_id")).replace("-", "").lower() in FILES:
                values["job_id"] = "f" * 32
