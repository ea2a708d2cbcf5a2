package mint

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/gagliardetto/solana-go"

	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/central/mint/token"
)

// purse is what the fee payer has, without what it has to keep and what is on its way
// to be spent.
type purse struct {
	left  int64  // lamports
	has   uint64 // with all of that
	empty bool   // something could not be afforded
	alarm bool   // was raised
	asked time.Time
}

// countEvery is how often the balance is asked for while there is nothing to do.
const countEvery = time.Minute

// count asks for the payer's balance.
func (s *shift) count(ctx context.Context) error {
	balance, err := s.cfg.Chain.Balance(ctx, s.roles.Payer, chain.Confirmed, 0)
	if err != nil {
		return fmt.Errorf("balance: %w", err)
	}
	keep, err := s.cfg.Chain.Rent(ctx, 0)
	if err != nil {
		return fmt.Errorf("rent: %w", err)
	}
	left := lamports(balance) - lamports(keep[0])
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, c := range s.cost {
		left -= c
	}
	s.purse.left, s.purse.has, s.purse.empty, s.purse.asked = left, balance, false, s.cfg.Now()
	return nil
}

// lamports is an amount that all there are fit in.
func lamports(n uint64) int64 { return int64(min(n, math.MaxInt64)) } // #nosec G115 -- bounded

// alarm notes the balance, and says so once when it has become too low.
func (s *shift) alarm(ctx context.Context) {
	s.lock.Lock()
	defer s.lock.Unlock()
	balance, low := s.purse.has, s.purse.empty || s.purse.has < s.cfg.LowBalance
	s.mu.Lock()
	s.status.Balance, s.status.Low, s.status.Asked = balance, low, s.purse.asked
	s.mu.Unlock()
	s.cfg.Observe.Balance(balance, low)
	if low && !s.purse.alarm {
		s.cfg.Logger.ErrorContext(ctx, "the fee payer has little left; what it cannot pay waits until it can",
			slog.Uint64("lamports", balance), slog.String("payer", s.roles.Payer.String()))
	}
	s.purse.alarm = low
}

// afford takes what a job costs out of the purse, or holds it.
func (s *shift) afford(j *job, units uint32) bool {
	signers := map[token.Key]bool{s.roles.Payer: true}
	for _, k := range j.plan.Signers {
		signers[k] = true
	}
	fee := int64(len(signers))*chain.SignatureFee + priority(units, s.price.get())
	cost := fee + max(j.plan.Rent, 0) // what comes back comes later
	a := &j.action
	s.lock.Lock()
	defer s.lock.Unlock()
	if cost > s.purse.left {
		s.purse.empty = true
		*a = s.hold(*a, s.cfg.Poll)
		a.Reason = NoFunds
		return false
	}
	s.purse.left -= cost
	s.cost[a.ID] = cost
	return true
}

// priority is what units cost at a price in micro-lamports, rounded up.
func priority(units uint32, price uint64) int64 {
	const micro = 1_000_000
	return lamports((uint64(units)*price + micro - 1) / micro)
}

// feeOf is what a transaction that was stored costs, if it gets into a block.
func feeOf(wire []byte) int64 {
	tx, err := solana.TransactionFromBytes(wire)
	if err != nil {
		return 0
	}
	var units uint32
	var price uint64
	for _, i := range tx.Message.Instructions {
		program, err := tx.Message.Program(i.ProgramIDIndex)
		if err != nil || program != solana.ComputeBudget || len(i.Data) == 0 {
			continue
		}
		switch {
		case i.Data[0] == 2 && len(i.Data) == 5:
			units = binary.LittleEndian.Uint32(i.Data[1:])
		case i.Data[0] == 3 && len(i.Data) == 9:
			price = binary.LittleEndian.Uint64(i.Data[1:])
		}
	}
	return int64(tx.Message.Header.NumRequiredSignatures)*chain.SignatureFee + priority(units, price)
}
