package merkle

// What the tests hold against RFC 6962 itself.
var (
	Top   = top
	Path  = path
	Climb = climb
)
