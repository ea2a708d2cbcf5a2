//go:build tinygo && lm3s6965

package main

import (
	"github.com/con-ting/conting/firmware/board/lm3s6965"
	"github.com/con-ting/conting/firmware/controller"
	"github.com/con-ting/conting/firmware/lane"
)

// ctl is too large for the stack.
var ctl controller.Controller

func main() {
	var board lm3s6965.Board
	board.Start()
	board.SetBaud(ctl.Start(board.Now(), board, reason(board.Reason())))
	for {
		busy := ctl.Turn(board, board)
		board.Pump()
		board.Feed()
		board.Sleep(busy)
	}
}

func reason(c lm3s6965.Cause) lane.Reason {
	switch c {
	case lm3s6965.PowerOn:
		return lane.PowerOn
	case lm3s6965.BrownOut:
		return lane.BrownOut
	case lm3s6965.Watchdog, lm3s6965.Fault:
		return lane.Watchdog
	case lm3s6965.Asked:
		return lane.Software
	}
	return lane.UnknownReason
}
