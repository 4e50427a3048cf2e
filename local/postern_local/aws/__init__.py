"""AWS on one machine: moto's server in a process of its own, behind one lock, corrected and guarded.

What moto leaves out and this package adds, each with a test of its own:

- who may do what: the role's policies, session policy, bucket policy and trust policy decide with their
  conditions (`authorization`), for S3, DynamoDB, STS, KMS, SQS and Lambda; a key's policy holds for the
  administrator too. A role's session that calls any other service is refused. A policy with an element
  that the evaluator does not know cannot be stored;
- sessions: tags, source identity and session policy are kept and bounded as STS bounds them;
- Object Lock: retention is never shortened, versioning never suspended, defaults reach every object;
- checksums are compared with the bytes;
- KMS: Ed25519 keys; disabled keys do nothing;
- S3 tells a queue of new objects only where the queue's policy lets it;
- listings take time by what they return, not by what the bucket holds; an object that is not there is
  403 to who may not list.

Requests with a key that STS did not issue here are the account's administrator's. Signatures of API
calls are not verified: whoever runs the stack owns it. Loopback HTTP stands for TLS in
`aws:SecureTransport`.

`server` is the starter's side; everything else runs inside the process.
"""
