package frames

// Check is what the renderer checks before it renders.
func Check(s Scene) error { return s.check() }
