"""The demo's own small world around the service; nothing of the product needs it."""
