import Overlay
