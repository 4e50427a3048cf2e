"""The evidence pack of `postern audit report`: what a signed log says of a period, for somebody who trusts nobody.

A log's entries go once through `intake` into a scratch database (`store`); populations, pictures and answers are
queries on it, so memory does not grow with the log. `pack` writes the folder. Nothing here reads clock or locale, and
no text of a record reaches a file unescaped: `words` makes it printable, the page escapes it, `csv_rows` guards cells.
"""
