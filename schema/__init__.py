"""What a client may see and ask. The domain's enums are registered before any type names one."""

from schema import enums

enums.register_all()
