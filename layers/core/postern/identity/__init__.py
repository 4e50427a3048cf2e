"""Who a token says is calling: parsed strictly, verified, and admitted by the claim rules of its issuer. Pure."""
