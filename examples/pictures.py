"""Pictures for the examples, where matplotlib is installed."""


def save(path, draw, size=(10, 4)):
    """Saves what ``draw(figure)`` draws on a figure of so many inches."""
    try:
        import matplotlib
    except ImportError:
        print("no picture: matplotlib is not installed")
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=size, layout="constrained")
    draw(figure)
    figure.savefig(path, dpi=100)
    print(f"picture: {path}")
