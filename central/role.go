package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/con-ting/conting/central/account"
)

// runRole gives somebody a role in the running central.
func runRole(ctx context.Context, a *app, f *flags) error {
	if err := f.Want(2, 2); err != nil {
		return err
	}
	email, role := f.Rest[0], account.Role(f.Rest[1])
	if !role.Known() {
		return f.Wrong("%s: %s", role, account.ErrRole)
	}
	body, err := json.Marshal(map[string]any{"email": email, "role": role})
	if err != nil {
		return err
	}
	ad, err := newAdmin(f.config)
	if err != nil {
		return err
	}
	var got struct {
		Account string `json:"account"`
	}
	if err := ad.call(ctx, "/admin/v1/roles", body, &got); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "account %s is %s from its next sign-in with a passkey; its sessions have ended\n", got.Account, role)
	return err
}
