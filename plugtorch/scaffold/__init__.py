"""The project that ``plugtorch new-backend`` writes: every ``files/**/*.template``, with @NAME@, @CLASS@, @DIST@ filled in."""
