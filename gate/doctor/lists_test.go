package doctor_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/doctor"
)

func TestStatusLists(t *testing.T) {
	list := func(issuer string, age time.Duration) doctor.StatusList {
		return doctor.StatusList{Issuer: issuer, URL: "https://r.example/1", Issued: noon.Add(-age)}
	}
	for _, c := range []struct {
		name  string
		lists []doctor.StatusList
		err   error
		level doctor.Level
		words []string
	}{
		{"no registrar", nil, nil, doctor.OK, []string{"no registrar"}},
		{"fresh", []doctor.StatusList{list("City", time.Hour), list("Crew", 2*time.Hour)}, nil, doctor.OK, []string{"2", "Crew", "2h0m0s old"}},
		{"a day old", []doctor.StatusList{list("City", 24*time.Hour)}, nil, doctor.OK, []string{"24h0m0s"}},
		{"older", []doctor.StatusList{list("City", time.Hour), list("Crew", 24*time.Hour+1)}, nil, doctor.Warn, []string{"Crew", "central"}},
		{"missing", []doctor.StatusList{list("City", time.Hour), {Issuer: "Crew"}}, nil, doctor.Warn, []string{"no status list of Crew"}},
		{"no disk", nil, hinted{errors.New("disk")}, doctor.Fail, []string{"disk", "do this"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := doctor.StatusLists{Now: now, Read: func(context.Context) ([]doctor.StatusList, error) { return c.lists, c.err }}
			want(t, check.Look(t.Context()), c.level, c.words...)
			if check.Name() != "credentials" {
				t.Errorf("name %q", check.Name())
			}
		})
	}
}
