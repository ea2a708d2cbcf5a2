package admit

import "fmt"

// LeaseState is what a gate knows of the session that a pass was shown in. While
// a wallet shows a code it beats to central, which publishes the sessions that
// beat and those that stopped. A lapse ends that session and never the ticket:
// the same person unlocks the code again and has a new one.
type LeaseState uint8

// The states. The zero state is that of a pass that names no session, as every
// paper, challenge and accredited pass, and a rotating one made without network.
const (
	LeaseNone    LeaseState = iota // the pass names no session
	LeaseUnknown                   // it names one, and the gate has not heard of it lately
	LeaseLive                      // central heard it within the last seconds
	LeaseLapsed                    // central says that it has ended
)

// String returns the stable word for the state.
func (s LeaseState) String() string {
	switch s {
	case LeaseNone:
		return "none"
	case LeaseUnknown:
		return "unknown"
	case LeaseLive:
		return "live"
	case LeaseLapsed:
		return "lapsed"
	}
	return fmt.Sprintf("lease(%d)", uint8(s))
}
