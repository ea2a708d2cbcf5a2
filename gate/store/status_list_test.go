package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/con-ting/conting/gate/store"
)

func TestStatusLists(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gate.db")
	s := open(t, path)
	keep := func(l store.StatusList, want bool) {
		t.Helper()
		if fresh, err := s.KeepStatusList(t.Context(), l); err != nil || fresh != want {
			t.Errorf("KeepStatusList(%+v) = %t, %v, want %t", l, fresh, err, want)
		}
	}
	keep(store.StatusList{URL: "https://b.example/1", Issued: 100, JWT: "b100"}, true)
	keep(store.StatusList{URL: "https://a.example/1", Issued: 50, JWT: "a50"}, true)
	keep(store.StatusList{URL: "https://b.example/1", Issued: 99, JWT: "b99"}, false)
	keep(store.StatusList{URL: "https://b.example/1", Issued: 100, JWT: "other"}, false)
	keep(store.StatusList{URL: "https://b.example/1", Issued: 101, JWT: "b101"}, true)
	want := []store.StatusList{{URL: "https://a.example/1", Issued: 50, JWT: "a50"}, {URL: "https://b.example/1", Issued: 101, JWT: "b101"}}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, path).StatusLists(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("StatusLists = %+v, %v, want %+v", got, err, want)
	}
}

func TestKeepStatusListRefuses(t *testing.T) {
	s := fresh(t)
	for name, l := range map[string]store.StatusList{
		"no address": {Issued: 1, JWT: "a"}, "no list": {URL: "u", Issued: 1}, "no time": {URL: "u", JWT: "a"},
	} {
		if fresh, err := s.KeepStatusList(t.Context(), l); fresh || !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: KeepStatusList = %t, %v, want ErrInvalid", name, fresh, err)
		}
	}
	for i := range store.MaxStatusLists {
		if _, err := s.KeepStatusList(t.Context(), store.StatusList{URL: fmt.Sprintf("u%d", i), Issued: 1, JWT: "a"}); err != nil {
			t.Fatal(err)
		}
	}
	if fresh, err := s.KeepStatusList(t.Context(), store.StatusList{URL: "more", Issued: 1, JWT: "a"}); fresh || !errors.Is(err, store.ErrInvalid) {
		t.Errorf("one more: KeepStatusList = %t, %v, want ErrInvalid", fresh, err)
	}
	if fresh, err := s.KeepStatusList(t.Context(), store.StatusList{URL: "u0", Issued: 2, JWT: "b"}); !fresh || err != nil {
		t.Errorf("newer one of a full store: KeepStatusList = %t, %v", fresh, err)
	}
}
