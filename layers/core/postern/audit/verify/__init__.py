"""How a pulled log is verified: `plan.verify` is the way in, and the numbered steps are in `findings.Step`."""

from postern.audit.verify.plan import verify
from postern.audit.verify.report import Counts, Report
from postern.audit.verify.run import Run
from postern.audit.verify.terms import Cosigned, Options

__all__ = ["Cosigned", "Counts", "Options", "Report", "Run", "verify"]
