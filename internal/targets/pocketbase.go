package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The superuser of the seeded PocketBase.
const (
	pbUser     = "admin@example.com"
	pbPassword = "adminpass123"
)

// pbPositions is where the records that most rules are about stand.
const pbPositions = "/api/collections/positions"

// pocketbase is PocketBase with two collections whose rules read the caller's grants and scope
// from its own record in the collection keys.
var pocketbase = scenario{
	name: "pocketbase",
	start: func(ctx context.Context, dir string) (*api, func(), error) {
		program := filepath.Join(dir, "pocketbase")
		build := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
		build.Dir = "internal/targets/pocketbase"
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return nil, nil, fmt.Errorf("building PocketBase (run this from the root of the repository): %w", err)
		}
		data := filepath.Join(dir, "pb_data")
		if err := os.RemoveAll(data); err != nil {
			return nil, nil, err
		}
		if out, err := exec.CommandContext(ctx, program, "--dir", data, "superuser", "upsert", pbUser, pbPassword).CombinedOutput(); err != nil {
			return nil, nil, fmt.Errorf("making the superuser: %w\n%s", err, out)
		}
		address, err := freeAddress()
		if err != nil {
			return nil, nil, err
		}
		stop, err := startProcess(ctx, dir, nil, program, "--dir", data, "serve", "--http", address)
		if err != nil {
			return nil, nil, err
		}
		a := &api{base: "http://" + address}
		return a, stop, a.reachable(ctx, "/api/health")
	},
	seed: seedPocketBase,
	mint: func(ctx context.Context, a *api, k key) (id, token string, err error) { return pbMint(ctx, a, k) },
	change: func(ctx context.Context, a *api, action, id string, k key) error {
		at := "/api/collections/keys/records/" + id
		if collection, of, ok := strings.Cut(id, "."); ok {
			at = "/api/collections/" + collection + "/records/" + of
		}
		switch action {
		case "regrant":
			_, err := a.call(ctx, http.MethodPatch, at, map[string]any{"grants": pbGrants(k.grants)})
			return err
		case "disable", "enable":
			_, err := a.call(ctx, http.MethodPatch, at, map[string]any{"disabled": action == "disable"})
			return err
		case "delete":
			_, err := a.call(ctx, http.MethodDelete, at, nil)
			return err
		}
		return fmt.Errorf("no way to %s a key", action)
	},
	actions: []string{"mint", "regrant", "disable", "enable", "delete"},
	scope:   func(sharing map[string]string) string { return sharing["position"] },
	example: example{
		file: "docs/probe.md", heading: "## A real server: PocketBase\n",
		keys:  map[string]string{"reader": "one", "published": "updatescope"},
		finds: []string{"cors-origins", "cors-preflight", "cors-simple", "disabled-key", "moved-records", "refusal-form"},
	},
	plants: []plant{
		{fault: 65, what: "the list rule forgets the scope", check: "list-records", row: "GET " + pbPositions + "/records", touches: pbPositions + "/records",
			apply: func(ctx context.Context, a *api) (func() error, error) {
				return pbPatch(ctx, a, map[string]any{"listRule": pbHas("positions:read")})
			}},
		{fault: 66, what: "the view rule forgets the scope", check: "record-by-id", row: "GET " + pbPositions + "/records/{id}", touches: pbPositions + "/records",
			apply: func(ctx context.Context, a *api) (func() error, error) {
				return pbPatch(ctx, a, map[string]any{"viewRule": pbHas("positions:read")})
			}},
		{fault: 3, what: "the update rule asks for the grant to read", check: "over-grant", row: "PATCH " + pbPositions + "/records/{id}", touches: pbPositions + "/records",
			apply: func(ctx context.Context, a *api) (func() error, error) {
				return pbPatch(ctx, a, map[string]any{"updateRule": pbHas("positions:read") + " && " + pbScope("")})
			}},
		{fault: 82, what: "internal_notes is not hidden", check: "field-hidden", row: "GET " + pbPositions + "/records", touches: pbPositions + "/records",
			apply: func(ctx context.Context, a *api) (func() error, error) {
				was, err := a.call(ctx, http.MethodGet, pbPositions, nil)
				if err != nil {
					return nil, err
				}
				fields, _ := was["fields"].([]any)
				for _, f := range fields {
					if f, _ := f.(map[string]any); f["name"] == "internal_notes" {
						f["hidden"] = false
						_, err = a.call(ctx, http.MethodPatch, pbPositions, map[string]any{"fields": fields})
						f["hidden"] = true
					}
				}
				return func() error {
					_, err := a.call(ctx, http.MethodPatch, pbPositions, map[string]any{"fields": fields})
					return err
				}, err
			}},
	},
}

// pbHas is the part of a rule that asks for a grant, pbScope the one that limits records;
// prefix leads to the position.
func pbHas(grant string) string { return fmt.Sprintf(`@request.auth.grants ~ "[%s]"`, grant) }

func pbScope(prefix string) string {
	return fmt.Sprintf(`(@request.auth.scope = "all" || (@request.auth.scope = "published" && %[1]sstate = "published") || (@request.auth.scope = "nodiscreet" && %[1]sdiscreet = false))`, prefix)
}

// pbGrants is the text in which a key's record holds its grants.
func pbGrants(grants []string) string {
	var b strings.Builder
	for _, g := range grants {
		fmt.Fprintf(&b, "[%s]", g)
	}
	return b.String()
}

// pbPatch changes the rules of the positions and returns what puts them back.
func pbPatch(ctx context.Context, a *api, rules map[string]any) (func() error, error) {
	was, err := a.call(ctx, http.MethodGet, pbPositions, nil)
	if err != nil {
		return nil, err
	}
	before := map[string]any{}
	for name := range rules {
		before[name] = was[name]
	}
	_, err = a.call(ctx, http.MethodPatch, pbPositions, rules)
	return func() error {
		_, err := a.call(ctx, http.MethodPatch, pbPositions, before)
		return err
	}, err
}

// pbMint makes a key: a record of the collection keys, and a token that impersonates it. One that
// is to be a superuser and nothing else is a record of theirs, and its id says so; with other grants
// besides, the grants alone count, since superusers have no life but being deleted.
func pbMint(ctx context.Context, a *api, k key) (id, token string, err error) {
	scope := k.scope
	if scope == "" {
		scope = "all"
	}
	collection := "keys"
	record := m{"email": k.name + "@example.com", "password": "Passw0rd!x", "passwordConfirm": "Passw0rd!x"}
	if slices.Equal(k.grants, []string{"superuser"}) {
		collection = "_superusers"
	} else {
		record["grants"], record["scope"], record["verified"] = pbGrants(k.grants), scope, true
	}
	made, err := a.call(ctx, http.MethodPost, "/api/collections/"+collection+"/records", record)
	if err != nil {
		return "", "", err
	}
	of, _ := made["id"].(string)
	if id = of; collection != "keys" {
		id = collection + "." + of
	}
	shown, err := a.call(ctx, http.MethodPost, "/api/collections/"+collection+"/impersonate/"+of, map[string]any{"duration": int(24 * time.Hour / time.Second)})
	if err != nil {
		return id, "", err
	}
	token, _ = shown["token"].(string)
	return id, token, nil
}

// seedPocketBase makes the collections, their records and the keys of the profile, and returns
// the tokens by the keys' names.
func seedPocketBase(ctx context.Context, a *api) (map[string]string, error) {
	in, err := a.call(ctx, http.MethodPost, "/api/collections/_superusers/auth-with-password", map[string]any{"identity": pbUser, "password": pbPassword})
	if err != nil {
		return nil, err
	}
	a.token, _ = in["token"].(string)
	tokens := map[string]string{"admin": a.token}
	field := func(name, kind string, more m) m {
		f := m{"name": name, "type": kind}
		for k, v := range more {
			f[k] = v
		}
		return f
	}
	var ids []any
	steps := []func() error{
		func() error {
			_, err := a.call(ctx, http.MethodPost, "/api/collections", m{"name": "keys", "type": "auth", "authRule": "disabled = false",
				"passwordAuth": m{"enabled": false, "identityFields": []string{"email"}},
				"fields":       []m{field("grants", "text", nil), field("scope", "text", nil), field("disabled", "bool", nil)}})
			return err
		},
		func() error {
			made, err := a.call(ctx, http.MethodPost, "/api/collections", m{"name": "positions", "type": "base",
				"listRule": pbHas("positions:read") + " && " + pbScope(""), "viewRule": pbHas("positions:read") + " && " + pbScope(""),
				"createRule": pbHas("positions:create"),
				"updateRule": pbHas("positions:update") + " && " + pbScope(""), "deleteRule": pbHas("positions:delete") + " && " + pbScope(""),
				"fields": []m{field("title", "text", nil), field("state", "text", nil), field("discreet", "bool", nil), field("salary", "number", nil),
					field("internal_notes", "text", m{"hidden": true})}})
			if err != nil {
				return err
			}
			rule := pbHas("applications:read") + " && " + pbScope("position.")
			_, err = a.call(ctx, http.MethodPost, "/api/collections", m{"name": "applications", "type": "base", "listRule": rule, "viewRule": rule,
				"fields": []m{field("candidate", "text", nil), field("position", "relation", m{"collectionId": made["id"], "maxSelect": 1})}})
			return err
		},
		func() error {
			_, err := a.call(ctx, http.MethodPatch, "/api/settings", m{"batch": m{"enabled": true, "maxRequests": 50, "timeout": 3}})
			return err
		},
		func() error {
			for i, p := range []m{
				{"title": "Backend engineer", "state": "published", "discreet": false, "salary": 100, "internal_notes": "n1"},
				{"title": "Draft role", "state": "draft", "discreet": false, "salary": 200, "internal_notes": "n2"},
				{"title": "Secret CEO", "state": "published", "discreet": true, "salary": 300, "internal_notes": "n3"},
			} {
				made, err := a.call(ctx, http.MethodPost, pbPositions+"/records", p)
				if err != nil {
					return err
				}
				ids = append(ids, made["id"])
				if _, err := a.call(ctx, http.MethodPost, "/api/collections/applications/records",
					m{"candidate": []string{"Ann", "Ben", "Cho"}[i], "position": ids[i]}); err != nil {
					return err
				}
			}
			return nil
		},
		func() error {
			const read, create, update, remove, apps = "positions:read", "positions:create", "positions:update", "positions:delete", "applications:read"
			for _, k := range []key{
				{name: "none"}, {name: "one", grants: []string{read}}, {name: "published", grants: []string{read, apps}, scope: "published"},
				{name: "nodiscreet", grants: []string{read, apps}, scope: "nodiscreet"}, {name: "read", grants: []string{read, apps}},
				{name: "createonly", grants: []string{create}}, {name: "updatescope", grants: []string{read, update}, scope: "published"},
				{name: "all", grants: []string{read, create, update, remove, apps}},
				{name: "disabled", grants: []string{read, update}}, {name: "deleted", grants: []string{read}}, {name: "stale", grants: []string{read, update}},
			} {
				id, token, err := pbMint(ctx, a, k)
				if err != nil {
					return err
				}
				tokens[k.name] = token
				at := "/api/collections/keys/records/" + id
				switch k.name {
				case "disabled":
					_, err = a.call(ctx, http.MethodPatch, at, m{"disabled": true})
				case "deleted":
					_, err = a.call(ctx, http.MethodDelete, at, nil)
				case "stale":
					_, err = a.call(ctx, http.MethodPatch, at, m{"grants": ""})
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}
