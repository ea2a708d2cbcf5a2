package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
)

// The files of the mint. Tokens are bound to the first and the third for good, and
// the wallets that are kept here to the fourth; the payer can be replaced.
const (
	mintAuthorityFile = "keys/mint-authority.json" // decides over every token that is not free
	mintPayerFile     = "keys/mint-payer.json"     // pays, and decides over nothing else
	mintSecretFile    = "keys/mint.secret"         // which tickets' tokens are where
	walletKeyFile     = "keys/wallet.key"          // seals what the wallets' keys are made from
	nextWalletKeyFile = "keys/wallet.next.key"     // that takes its place, while it does
)

var mintFiles = []string{mintAuthorityFile, mintPayerFile, mintSecretFile, walletKeyFile}

// mintKeys is what the mint signs with and derives from.
type mintKeys struct {
	authority, payer chain.Signer
	secret           [32]byte
	wallets          []wallet.Key
}

func (d folder) loadMintKeys() (k mintKeys, err error) {
	switch missing := d.missing(mintFiles); len(missing) {
	case 0:
	case len(mintFiles):
		return k, hint.Errorf("make them with `central mint init`, or bring the four "+filepath.Dir(mintSecretFile)+"/ files of the central that has them",
			"the mint has no keys: %w", fs.ErrNotExist)
	default:
		return k, hint.Errorf("bring them back from where keys are backed up", "%s: missing, while others of the mint's keys are there: %w", strings.Join(missing, ", "), fs.ErrNotExist)
	}
	if k.authority, err = chain.ReadSigner(d.path(mintAuthorityFile)); err != nil {
		return k, found(mintAuthorityFile, err)
	}
	if k.payer, err = chain.ReadSigner(d.path(mintPayerFile)); err != nil {
		return k, found(mintPayerFile, err)
	}
	if k.secret, err = d.secret32(mintSecretFile); err != nil {
		return k, err
	}
	k.wallets, err = d.walletKeys()
	return k, err
}

// walletKeys are the wallets' key, and, after a rekey that was cut off, the next.
func (d folder) walletKeys() (keys []wallet.Key, err error) {
	for _, name := range []string{walletKeyFile, nextWalletKeyFile} {
		k, err := wallet.ReadKey(d.path(name))
		if name == nextWalletKeyFile && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, wallet.ErrKey) && d.isPart(name)) {
			break
		}
		if err != nil {
			return nil, found(name, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// isPart reports whether a key file is shorter than a key: the power went while it was
// being written, so that nothing is sealed under it yet.
func (d folder) isPart(name string) bool {
	info, err := os.Stat(d.path(name))
	return err == nil && info.Size() < 2*wallet.KeyLen
}

// missing are those of the files that are not there.
func (d folder) missing(names []string) (out []string) {
	for _, name := range names {
		if _, err := os.Lstat(d.path(name)); errors.Is(err, fs.ErrNotExist) {
			out = append(out, name)
		}
	}
	return out
}

// secret32 reads 32 bytes, written as 64 hexadecimal digits.
func (d folder) secret32(name string) (key [32]byte, err error) {
	s, err := d.text(name)
	if err != nil {
		return key, err
	}
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(key) {
		return key, fmt.Errorf("%s is not 64 hexadecimal digits", name)
	}
	return [32]byte(raw), nil
}

// makeMintKeys makes what is missing, if that is everything: where a part is gone, a
// new one would be of another mint.
func (d folder) makeMintKeys() (made bool, err error) {
	missing := d.missing(mintFiles)
	switch len(missing) {
	case 0:
		return false, nil
	case len(mintFiles):
	default:
		return false, hint.Errorf("bring them back from where keys are backed up; only if no ticket has a token yet, take the others away and try again",
			"%s: missing, while others of the mint's keys are there", strings.Join(missing, ", "))
	}
	if _, err := os.Stat(d.path(eventKeyFile)); err != nil {
		return false, hint.Errorf("make the folder with `central init`, or correct data_dir", "%w", err)
	}
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return false, err
	}
	if err := private.Create(d.path(mintSecretFile), []byte(hex.EncodeToString(secret[:])+"\n")); err != nil {
		return false, err
	}
	wallets, err := wallet.NewKey(rand.Reader)
	if err != nil {
		return false, err
	}
	if err := private.Create(d.path(walletKeyFile), wallets.Encode()); err != nil {
		return false, err
	}
	for _, name := range []string{mintAuthorityFile, mintPayerFile} {
		if _, err := chain.CreateSigner(d.path(name)); err != nil {
			return false, err
		}
	}
	return true, private.SyncDir(d.path("keys"))
}

// runMintInit makes the mint's keys, and says whom to give money.
func runMintInit(_ context.Context, a *app, f *flags) error {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	cfg, err := loadConfig(f.config)
	if err != nil {
		return err
	}
	d := folder(cfg.DataDir)
	made, err := d.makeMintKeys()
	if err != nil {
		return err
	}
	k, err := d.loadMintKeys()
	if err != nil {
		return err
	}
	if f.json {
		return json.NewEncoder(a.out).Encode(map[string]any{"made": made, "authority": k.authority.Public().String(), "payer": k.payer.Public().String()})
	}
	what := "The mint's keys are there already; nothing changed."
	if made {
		what = "The mint's keys are made: " + strings.Join(mintFiles, ", ") + " in " + cfg.DataDir + ".\n" +
			"Back them up where the other keys are: without them no token can be moved, burned or set free, and no wallet opened."
	}
	next := ""
	if !cfg.Mint.on() {
		next = fmt.Sprintf("Next: set rpc = [\"https://…\"] under [mint] in %s; ", f.config)
	}
	_, err = fmt.Fprintf(a.out, "%s\nmint authority  %s\nfee payer       %s\n%ssend the fee payer some SOL, and start central again.\n",
		what, k.authority.Public(), k.payer.Public(), next)
	return err
}
