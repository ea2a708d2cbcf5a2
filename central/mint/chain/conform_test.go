package chain_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/gagliardetto/solana-go"
	ata "github.com/gagliardetto/solana-go/programs/associated-token-account"
	"github.com/gagliardetto/solana-go/programs/system"

	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/testdata/localnet"
)

const sol = 1_000_000_000

// TestLiteSVM and TestSurfpool hold the client to the same on two implementations of
// the JSON-RPC, neither of which is ours to bend.
func TestLiteSVM(t *testing.T) {
	t.Parallel()
	net := localnet.Test(t, localnet.Options{Slot: 20 * time.Millisecond})
	conform(t, real(t, chain.Config{}, net.URL), net.Airdrop)
}

func TestSurfpool(t *testing.T) {
	t.Parallel()
	net := localnet.Surfpool(t, 50*time.Millisecond)
	conform(t, real(t, chain.Config{}, net.URL), net.Airdrop)
}

// real makes a client of nodes that are none of ours.
func real(t *testing.T, cfg chain.Config, urls ...string) *chain.Client {
	t.Helper()
	cfg.Nodes, cfg.Now, cfg.Log = urls, time.Now, slog.New(slog.DiscardHandler)
	client, err := chain.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func conform(t *testing.T, c *chain.Client, give func(ctx context.Context, address string, lamports uint64) error) {
	ctx := t.Context()
	rich, poor, nobody := signerOf(t, "rich"), signerOf(t, "poor"), signerOf(t, "nobody")
	for to, lamports := range map[chain.Signer]uint64{rich: 10 * sol, poor: 1_000_000} {
		if err := give(ctx, to.Public().String(), lamports); err != nil {
			t.Fatal(err)
		}
	}
	// what was given may be in a block that is not confirmed yet
	until(t, "the gifts are confirmed", func() bool {
		a, err := c.Balance(ctx, rich.Public(), chain.Confirmed, 0)
		b, err2 := c.Balance(ctx, poor.Public(), chain.Confirmed, 0)
		return errors.Join(err, err2) == nil && a == 10*sol && b == 1_000_000
	})
	hash := func(t *testing.T) chain.Blockhash {
		t.Helper()
		b, err := c.Blockhash(ctx, chain.Confirmed)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	pay := func(t *testing.T, from chain.Signer, to chain.Key, lamports uint64) chain.Signed {
		t.Helper()
		d := chain.Draft{Payer: from.Public(), Units: 1000, Instructions: []solana.Instruction{
			system.NewTransferInstruction(lamports, from.Public(), to).Build(),
		}}
		s, err := d.Sign(ctx, hash(t), from)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}

	t.Run("tip", func(t *testing.T) {
		genesis, err := c.Genesis(ctx)
		if err != nil || genesis.IsZero() {
			t.Fatalf("genesis %s, %v", genesis, err)
		}
		first, err := c.Tip(ctx, chain.Confirmed, 0)
		if err != nil {
			t.Fatal(err)
		}
		next, err := c.Tip(ctx, chain.Confirmed, first.Slot)
		if err != nil || next.Slot < first.Slot || next.Height < first.Height || next.Height > next.Slot {
			t.Errorf("got %+v after %+v, %v", next, first, err)
		}
		b := hash(t)
		if b.Hash.IsZero() || b.LastHeight < next.Height || b.LastHeight > next.Height+1000 || b.Slot < next.Slot {
			t.Errorf("got block hash %+v at %+v", b, next)
		}
	})
	t.Run("least slot", func(t *testing.T) {
		_, err := c.Balance(ctx, rich.Public(), chain.Confirmed, 1<<40)
		want(t, err, chain.ErrBehind)
		_, err = c.Tip(ctx, chain.Confirmed, 1<<40)
		want(t, err, chain.ErrBehind)
		_, _, err = c.Accounts(ctx, []chain.Key{rich.Public()}, chain.Confirmed, 1<<40)
		want(t, err, chain.ErrBehind)
		_, _, err = c.Statuses(ctx, []chain.Signature{{1}}, false, 1<<40)
		want(t, err, chain.ErrBehind)
	})
	t.Run("accounts", func(t *testing.T) {
		got, slot, err := c.Accounts(ctx, []chain.Key{rich.Public(), nobody.Public(), solana.Token2022ProgramID}, chain.Confirmed, 0)
		if err != nil || slot == 0 || len(got) != 3 {
			t.Fatalf("got %v at slot %d, %v", got, slot, err)
		}
		if a := got[0]; a == nil || a.Key != rich.Public() || a.Owner != solana.SystemProgramID || a.Lamports != 10*sol || len(a.Data) != 0 || a.Executable {
			t.Errorf("got %+v", got[0])
		}
		if got[1] != nil {
			t.Errorf("got %+v of nobody", got[1])
		}
		if a := got[2]; a == nil || !a.Executable {
			t.Errorf("got %+v for a program", a)
		}
		if lamports, err := c.Balance(ctx, nobody.Public(), chain.Finalized, 0); err != nil || lamports != 0 {
			t.Errorf("nobody has %d, %v", lamports, err)
		}
	})
	t.Run("prices", func(t *testing.T) {
		rents, err := c.Rent(ctx, 0, 165, 500)
		if err != nil || rents[0] == 0 || rents[165] <= rents[0] || rents[500] <= rents[165] {
			t.Errorf("got %v, %v", rents, err)
		}
		if fee, err := c.PriorityFee(ctx, []chain.Key{rich.Public()}, 75, 7); err != nil || fee > 7 {
			t.Errorf("got %d, %v", fee, err)
		}
	})
	t.Run("simulation", func(t *testing.T) {
		simulate := func(d chain.Draft) chain.Simulation {
			t.Helper()
			wire, err := d.Unsigned(solana.Hash{})
			if err != nil {
				t.Fatal(err)
			}
			s, err := c.Simulate(ctx, wire, chain.Confirmed, 0)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := simulate(chain.Draft{Payer: rich.Public(), Instructions: []solana.Instruction{memo("hello", rich.Public())}})
		if s.Err != nil || s.Units == 0 || s.Units > 100_000 || len(s.Logs) == 0 || s.Slot == 0 {
			t.Errorf("got %+v", s)
		}
		s = simulate(chain.Draft{Payer: nobody.Public(), Instructions: []solana.Instruction{memo("hello", nobody.Public())}})
		want(t, s.Err, chain.ErrNoFunds)
		s = simulate(chain.Draft{Payer: rich.Public(), Instructions: []solana.Instruction{inUse(rich, poor)}})
		refused(t, s.Err, 0, solana.SystemProgramID)
		var e *chain.ProgramError
		if errors.As(s.Err, &e) && len(e.Logs) == 0 {
			t.Error("nothing is said in the log")
		}
	})
	t.Run("landing", func(t *testing.T) {
		tx := pay(t, rich, numbered(7), 5_000_000)
		before, err := c.Balance(ctx, rich.Public(), chain.Confirmed, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := c.Statuses(ctx, []chain.Signature{tx.Signature}, true, 0); err != nil || got[0] != nil {
			t.Fatalf("got %+v, %v of what was not sent", got, err)
		}
		if err := c.Send(ctx, tx.Wire, true, 0); err != nil {
			t.Fatal(err)
		}
		reached := func(at chain.Commitment) func() bool {
			return func() bool {
				got, _, err := c.Statuses(ctx, []chain.Signature{{1}, tx.Signature}, true, 0)
				if err != nil || len(got) != 2 || got[0] != nil {
					t.Fatalf("got %+v, %v", got, err)
				}
				if got[1] != nil && got[1].Err != nil {
					t.Fatal(got[1].Err)
				}
				return got[1] != nil && got[1].Slot > 0 && (got[1].Commitment == at || got[1].Commitment == chain.Finalized)
			}
		}
		until(t, "it is confirmed", reached(chain.Confirmed))
		if err := c.Send(ctx, tx.Wire, true, 0); err != nil && !errors.Is(err, chain.ErrProcessed) {
			t.Errorf("the same again: %v", err)
		}
		until(t, "it is final", reached(chain.Finalized))
		after, err := c.Balance(ctx, rich.Public(), chain.Finalized, 0)
		if err != nil || before-after != 5_000_000+uint64(tx.Fee) {
			t.Errorf("the payer has %d of %d, %v; the fee was to be %d", after, before, err, tx.Fee)
		}
	})
	t.Run("refusals", func(t *testing.T) {
		send := func(d chain.Draft, hash chain.Blockhash, preflight bool, signers ...chain.Signer) (chain.Signed, error) {
			t.Helper()
			tx, err := d.Sign(ctx, hash, signers...)
			if err != nil {
				t.Fatal(err)
			}
			return tx, c.Send(ctx, tx.Wire, preflight, 0)
		}
		bad := chain.Draft{Payer: rich.Public(), Units: 50_000, Price: 1, Instructions: []solana.Instruction{memo("fine", rich.Public()), inUse(rich, poor)}}

		_, err := send(bad, hash(t), true, rich, poor)
		refused(t, err, 3, solana.SystemProgramID)
		_, err = send(chain.Draft{Payer: nobody.Public(), Instructions: bad.Instructions[:1]}, hash(t), true, nobody, rich)
		want(t, err, chain.ErrNoFunds)
		_, err = send(chain.Draft{Payer: rich.Public(), Instructions: bad.Instructions[:1]}, chain.Blockhash{Hash: genesis}, true, rich)
		want(t, err, chain.ErrExpired)
		tx := pay(t, poor, numbered(8), sol)
		want(t, c.Send(ctx, tx.Wire, true, 0), chain.ErrNoFunds)

		// rent for a token account, which the System program is asked for by another
		mint := solana.MustPublicKeyFromBase58("So11111111111111111111111111111111111111112")
		if got, _, err := c.Accounts(ctx, []chain.Key{mint}, chain.Confirmed, 0); err == nil && got[0] != nil {
			_, err = send(chain.Draft{Payer: poor.Public(), Instructions: []solana.Instruction{
				ata.NewCreateInstruction(poor.Public(), nobody.Public(), mint).Build(),
			}}, hash(t), true, poor)
			want(t, err, chain.ErrNoFunds)
		}

		forged := pay(t, rich, numbered(9), 1)
		forged.Wire[1] ^= 1
		if err := c.Send(ctx, forged.Wire, true, 0); err == nil || !errors.Is(err, chain.ErrRejected) {
			t.Errorf("a forged signature: got %v, want ErrRejected", err)
		}
		if err := c.Send(ctx, []byte("no transaction"), true, 0); !errors.Is(err, chain.ErrRejected) {
			t.Errorf("got %v, want ErrRejected", err)
		}
		if err := c.Send(ctx, make([]byte, 1233), true, 0); !errors.Is(err, chain.ErrTooLarge) {
			t.Errorf("got %v, want ErrTooLarge", err)
		}

		// without preflight it lands, fails, and pays
		landed, err := send(bad, hash(t), false, rich, poor)
		if err != nil {
			t.Fatal(err)
		}
		var status *chain.Status
		until(t, "it has failed", func() bool {
			got, _, err := c.Statuses(ctx, []chain.Signature{landed.Signature}, true, 0)
			if err != nil {
				t.Fatal(err)
			}
			status = got[0]
			return status != nil
		})
		refused(t, status.Err, 3, solana.PublicKey{})
		refused(t, chain.Locate(status.Err, landed.Wire), 3, solana.SystemProgramID)
	})
}

func memo(text string, signer chain.Key) solana.Instruction {
	return solana.NewInstruction(solana.MemoProgramID, solana.AccountMetaSlice{solana.Meta(signer).SIGNER()}, []byte(text))
}

// inUse would make an account that there is.
func inUse(from, there chain.Signer) solana.Instruction {
	return system.NewCreateAccountInstruction(sol, 0, solana.SystemProgramID, from.Public(), there.Public()).Build()
}

// refused fails unless an error is the System program's "already in use".
func refused(t *testing.T, err error, instruction int, program chain.Key) {
	t.Helper()
	var e *chain.ProgramError
	if !errors.As(err, &e) || e.Instruction != instruction || e.Program != program || e.Name != "Custom" || e.Code != 0 || errors.Is(err, chain.ErrNoFunds) {
		t.Errorf("got %v (%+v), want error 0 of instruction %d of %s", err, e, instruction, program)
	}
}

// until waits for something to become true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(90 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
