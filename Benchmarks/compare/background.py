"""What goes on beside a measurement."""
import threading


class Background(threading.Thread):
    """Runs within its `with`; `is_over` tells it to end."""

    def __init__(self):
        super().__init__(daemon=True)
        self.is_over = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.join()
