"""AWS on one machine: moto's server in a process of its own, behind one lock, corrected and guarded.

What moto leaves out and this package adds, each with a test of its own:

- who may do what: the role's policies, session policy, bucket policy and trust policy decide with their
  conditions (`authorization`), for S3, DynamoDB, STS and Lambda. A role's session that calls any other
  service is refused. A policy with an element that the evaluator does not know cannot be stored;
- sessions: tags, source identity and session policy are kept and bounded as STS bounds them;
- Object Lock: retention is never shortened, versioning never suspended, defaults reach every object;
- checksums are compared with the bytes.

Requests with a key that STS did not issue here are the account's administrator's. Signatures of API
calls are not verified: whoever runs the stack owns it. Loopback HTTP stands for TLS in
`aws:SecureTransport`.

`server` is the starter's side; everything else runs inside the process.
"""
