package lane_test

import (
	"testing"

	"github.com/con-ting/conting/firmware/lane"
)

// maxMoves bounds one run of the fuzz test.
const maxMoves = 2000

// FuzzLane plays any inputs, commands and waits, two bytes a move, and holds
// the lane to what the referee knows, to its ring and to coming to rest.
func FuzzLane(f *testing.F) {
	f.Add(uint8(0), []byte{0x80, 3, 0x02, 3, 0x01, 3, 0x03, 3, 0x04, 3, 0x01, 3, 0x00, 3})
	f.Add(uint8(1), []byte{0x90, 3, 0x01, 7, 0x09, 3, 0x00, 7})
	f.Add(uint8(9), []byte{0x08, 3, 0x00, 7, 0x40, 4, 0xD0, 4})
	f.Fuzz(func(t *testing.T, cfg uint8, data []byte) {
		c := fast(lane.Mode(cfg%3), lane.Mode(cfg/3%3))
		c.ManualRestore, c.FreeOnPowerFail = cfg&64 != 0, cfg&128 != 0
		now := -uint32(cfg) * 64
		var l lane.Lane
		var judge referee
		l.Start(now, c)
		id := uint32(0)
		for i := 0; i+1 < len(data) && i < 2*maxMoves; i += 2 {
			in := lane.AllWell ^ lane.Inputs(data[i]&0x7F)
			if op := lane.Op(data[i+1] >> 4); data[i]&0x80 != 0 {
				cmd := lane.Command{
					Op: op % (lane.Refuse + 2), Way: lane.Direction(data[i+1] & 3), Mode: lane.Mode(data[i+1] >> 2 & 3),
					MS: uint32(data[i+1]&8) * 100,
				}
				if cmd.Op == lane.GrantOne {
					id += uint32(data[i+1] & 1)
					cmd.Grant = id
				}
				if cmd.Op == lane.GrantOne || cmd.Op == lane.SetMode {
					cmd.MS = 0
				}
				judge.command(cmd, l.Do(now, cmd))
			}
			for range 2 {
				now += 1 << (data[i+1] & 15)
				if err := judge.step(&l, in, l.Step(now, in)); err != nil {
					t.Fatalf("move %d: %v", i/2, err)
				}
			}
			if data[i+1]&0x30 == 0 {
				l.Confirm(judge.seen)
			}
		}
		l.Do(now, lane.Command{Op: lane.Restore})
		for i := range 1000 {
			now += 100
			in := lane.AllWell
			if i%8 < 4 {
				in |= lane.KeyTurned
			}
			if err := judge.step(&l, in, l.Step(now, in)); err != nil {
				t.Fatalf("coming to rest: %v", err)
			}
		}
		if s := l.Status(); s.State != lane.Locked && s.State != lane.OutOfService || s.Grants != 0 {
			t.Fatalf("comes to rest %s with %d grants", s.State, s.Grants)
		}
	})
}
