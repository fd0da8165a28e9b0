"""How money moves: what confirming, capturing, refunding and disputing do to the objects."""
