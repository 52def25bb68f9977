"""Neural networks: modules, functional forms, initialisation and helpers."""
