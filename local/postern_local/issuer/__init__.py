"""The local OIDC issuer: discovery, one key, sign-in for people and programs, and tokens for whoever is named.

`Issuer` serves over loopback; `mint` signs with the private key, which lies in the state folder, so that another
process of the same user can print a token. It asks nobody for a password: it is there to try things out.
"""

from postern_local.issuer.offer import Offer as Offer
from postern_local.issuer.server import Issuer as Issuer
from postern_local.issuer.tokens import mint as mint
