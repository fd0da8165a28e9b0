"""What each route of the API does: read the parameters, decide, answer with an object."""
