package osdp

// QueueSize is how many commands may wait in a panel for one device.
const QueueSize = 8

type waiting struct {
	ticket uint16
	code   byte
	n      int
	data   [MaxData]byte
}

// queue holds commands in the order of their tickets.
type queue struct {
	ring    [QueueSize]waiting
	head, n int
	ticket  uint16 // the newest
}

func (q *queue) empty() bool { return q.n == 0 }

// put returns the command's ticket, or 0 when there is no room.
func (q *queue) put(code byte, data []byte) uint16 {
	if q.n == QueueSize {
		return 0
	}
	if q.ticket++; q.ticket == 0 {
		q.ticket = 1
	}
	w := &q.ring[(q.head+q.n)%QueueSize]
	w.ticket, w.code, w.n = q.ticket, code, copy(w.data[:], data)
	q.n++
	return q.ticket
}

// take returns the oldest, which stays valid until the next put.
func (q *queue) take() *waiting {
	w := &q.ring[q.head]
	q.head = (q.head + 1) % QueueSize
	q.n--
	return w
}

func (q *queue) holds(code byte) bool {
	for i := range q.n {
		if q.ring[(q.head+i)%QueueSize].code == code {
			return true
		}
	}
	return false
}
