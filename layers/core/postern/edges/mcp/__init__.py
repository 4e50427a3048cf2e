"""Postern's tools over the Model Context Protocol: streamable HTTP without sessions, one JSON answer a request.

It decides nothing. Each tool is one call, or two, of Postern's own HTTPS API with the caller's token, so that whatever
holds for that API holds here; this package turns JSON-RPC into such calls, and their answers into what an agent reads.
"""
