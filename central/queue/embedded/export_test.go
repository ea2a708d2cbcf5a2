package embedded

import "github.com/con-ting/conting/sync/ticket"

// Disk is a room's file as tests may replace it.
type Disk = disk

// Replace puts another file in the place of a room's.
func (e *Engine) Replace(event ticket.EventID, with func(Disk) Disk) {
	r := e.room(event)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.file = with(r.file)
}

// Block is how many numbers are reserved ahead.
const Block = block
