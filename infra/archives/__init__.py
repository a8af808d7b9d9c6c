"""How the functions' archives are made; `infra.bundle` is the way in."""
