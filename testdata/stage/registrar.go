package stage

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
)

// Registrar certifies what central believes: family relations, ages, staff.
type Registrar struct {
	stage *Stage
	dir   string
}

// OpenRegistrar makes a registrar and has central list it.
func (s *Stage) OpenRegistrar(ctx context.Context, name string) (*Registrar, error) {
	r := &Registrar{stage: s, dir: filepath.Join(s.Dir, "registrar-"+name)}
	if _, err := r.run(ctx, "init", "--name", name); err != nil {
		return nil, err
	}
	issuer, err := r.run(ctx, "issuer")
	if err != nil {
		return nil, err
	}
	if err := s.call(ctx, "POST", "/admin/v1/issuers", s.token, json.RawMessage(issuer), nil); err != nil {
		return nil, err
	}
	return r, r.Publish(ctx)
}

// Publish gives central the status list as it is now.
func (r *Registrar) Publish(ctx context.Context) error {
	list, err := r.run(ctx, "status")
	if err != nil {
		return err
	}
	return r.stage.call(ctx, "POST", "/admin/v1/status-lists", r.stage.token, json.RawMessage(list), nil)
}

// Issue runs "registrar issue" with the arguments and returns the credential.
func (r *Registrar) Issue(ctx context.Context, args ...string) (string, error) {
	out, err := r.run(ctx, "issue", args...)
	return string(bytes.TrimSpace(out)), err
}

// Revoke takes a credential back and gives central the status list that says so.
func (r *Registrar) Revoke(ctx context.Context, id string) error {
	if _, err := r.run(ctx, "revoke", id); err != nil {
		return err
	}
	return r.Publish(ctx)
}

// Family certifies that the subject is the relative's so-and-so.
func (r *Registrar) Family(ctx context.Context, subject, relative, relation string) (string, error) {
	return r.Issue(ctx, "family", "--subject", subject, "--relative", relative, "--relation", relation)
}

func (r *Registrar) run(ctx context.Context, command string, args ...string) ([]byte, error) {
	line := []string{command}
	if command == "issue" {
		line, args = append(line, args[0]), args[1:]
	}
	line = append(line, "--dir", r.dir)
	return Run(ctx, r.stage.command("registrar"), append(line, args...)...)
}
