"""What Tunix needs: chat templates, renderers and export formats."""
