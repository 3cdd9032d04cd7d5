"""Base of all sections: frozen, and closed to unknown keys."""

from pydantic import BaseModel, ConfigDict


class SectionModel(BaseModel):
    """One section of a target file; its fields are the keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())
