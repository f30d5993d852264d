"""What stands between the network and the app: whom the server answers, what a browser may load, who is at hand."""
