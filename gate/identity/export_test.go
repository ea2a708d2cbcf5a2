package identity

// WithStep returns the config with a hook that runs before each change on
// disk; an error from it stops the enrolment as a power cut would.
func (c EnrolConfig) WithStep(step func(string) error) EnrolConfig {
	c.step = step
	return c
}

// MaxAnswer is the most that central may answer.
const MaxAnswer = maxAnswer

// ParseChain reads PEM certificates as they come from central.
func ParseChain(data []byte) ([][]byte, error) { return parseChain(data, maxChain) }

// EncodeChain is its inverse.
func EncodeChain(chain [][]byte) []byte { return encodeChain(chain) }

// MaxChain is the most certificates of a chain.
const MaxChain = maxChain
