"""``torch.distributed.constants``."""

from plugtorch.frontend.distributed.groups import default_pg_timeout

__all__ = ["default_pg_timeout"]
