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
)

// The administrator of the seeded Directus.
const (
	directusUser     = "admin@example.com"
	directusPassword = "Passw0rd!"
)

// directus is Directus with three related collections and policies that limit items and fields.
// It has to be installed before: docs/targets.md says how.
var directus = scenario{
	name: "directus", scheme: "Bearer",
	start: func(ctx context.Context, dir string) (*api, func(), error) {
		if *install == "" {
			return nil, nil, fmt.Errorf("-install names no folder with Directus in it: see docs/targets.md")
		}
		program, err := filepath.Abs(filepath.Join(*install, "node_modules/.bin/directus"))
		if err != nil {
			return nil, nil, err
		}
		address, err := freeAddress()
		if err != nil {
			return nil, nil, err
		}
		host, port, _ := strings.Cut(address, ":")
		base := "http://" + address
		database := filepath.Join(dir, "directus.db")
		if err := os.RemoveAll(database); err != nil {
			return nil, nil, err
		}
		env := []string{"HOST=" + host, "PORT=" + port, "PUBLIC_URL=" + base, "DB_CLIENT=sqlite3", "DB_FILENAME=" + database, "SECRET=0123456789abcdef",
			"ADMIN_EMAIL=" + directusUser, "ADMIN_PASSWORD=" + directusPassword, "TELEMETRY=false", "STORAGE_LOCATIONS=local",
			"STORAGE_LOCAL_ROOT=" + filepath.Join(dir, "uploads"), "CACHE_ENABLED=false", "RATE_LIMITER_ENABLED=false"}
		bootstrap := exec.CommandContext(ctx, program, "bootstrap")
		bootstrap.Dir, bootstrap.Env = dir, append(os.Environ(), env...)
		if out, err := bootstrap.CombinedOutput(); err != nil {
			return nil, nil, fmt.Errorf("directus bootstrap: %w\n%s", err, out)
		}
		stop, err := startProcess(ctx, dir, env, program, "start")
		if err != nil {
			return nil, nil, err
		}
		a := &api{base: base, scheme: "Bearer"}
		return a, stop, a.reachable(ctx, "/server/health")
	},
	seed: seedDirectus,
	mint: func(ctx context.Context, a *api, k key) (id, token string, err error) {
		return directusMint(ctx, a, k.name, directusPermissions(k), "active")
	},
	change: func(ctx context.Context, a *api, action, id string, k key) error {
		user, policy, _ := strings.Cut(id, ".")
		switch action {
		case "disable", "enable":
			_, err := a.call(ctx, http.MethodPatch, "/users/"+user, m{"status": map[string]string{"disable": "suspended", "enable": "active"}[action]})
			return err
		case "delete":
			_, err := a.call(ctx, http.MethodDelete, "/users/"+user, nil)
			return err
		case "regrant":
			permissions := directusPermissions(k)
			if _, err := a.call(ctx, http.MethodPatch, "/policies/"+policy, m{"admin_access": isAdmin(permissions)}); err != nil {
				return err
			}
			was, err := a.call(ctx, http.MethodGet, "/permissions?fields=id&limit=-1&filter[policy][_eq]="+policy, nil)
			if err != nil {
				return err
			}
			old, _ := was["data"].([]any)
			for _, o := range old {
				if _, err := a.call(ctx, http.MethodDelete, fmt.Sprintf("/permissions/%v", o.(map[string]any)["id"]), nil); err != nil {
					return err
				}
			}
			return directusGrant(ctx, a, policy, permissions)
		}
		return fmt.Errorf("no way to %s a key", action)
	},
	actions: []string{"mint", "regrant", "disable", "enable", "delete"},
	scope:   func(sharing map[string]string) string { return sharing["position"] },
}

type m = map[string]any

// basicFields are those of positions that need no permission besides positions:read.
var basicFields = []string{"id", "title", "state"}

// directusPermissions are the rows of a policy for the catalog's grants.
func directusPermissions(k key) []m {
	var out []m
	scope := map[string]m{"published": {"state": m{"_eq": "published"}}, "nodiscreet": {"discreet": m{"_eq": false}}}[k.scope]
	for _, g := range k.grants {
		collection, action, _ := strings.Cut(g, ":")
		switch g {
		case "positions:read", "positions:update": // a policy names the fields of each action
			fields := basicFields
			if slices.Contains(k.grants, "positions:more") {
				fields = []string{"*"}
			}
			out = append(out, m{"collection": collection, "action": action, "fields": fields, "permissions": scope})
		case "positions:more":
		case "applications:write":
			for _, action := range []string{"create", "update", "delete"} {
				out = append(out, m{"collection": collection, "action": action})
			}
		default:
			out = append(out, m{"collection": collection, "action": action})
		}
	}
	return out
}

// adminGrant is the permission that stands for a policy with admin_access.
const adminGrant = "admin"

func isAdmin(permissions []m) bool {
	return slices.ContainsFunc(permissions, func(p m) bool { return p["collection"] == adminGrant })
}

// directusGrant gives a policy permissions.
func directusGrant(ctx context.Context, a *api, policy string, permissions []m) error {
	for _, p := range permissions {
		if p["collection"] == adminGrant {
			continue
		}
		row := m{"policy": policy, "fields": []string{"*"}, "permissions": nil}
		for name, v := range p {
			row[name] = v
		}
		if _, err := a.call(ctx, http.MethodPost, "/permissions", row); err != nil {
			return err
		}
	}
	return nil
}

// directusMint makes a policy, a role that has it and a user of that role with a static token. The
// id is the user's and the policy's.
func directusMint(ctx context.Context, a *api, name string, permissions []m, status string) (id, token string, err error) {
	made := func(path string, body m) string {
		if err != nil {
			return ""
		}
		var v map[string]any
		v, err = a.call(ctx, http.MethodPost, path, body)
		data, _ := v["data"].(map[string]any)
		return fmt.Sprint(data["id"])
	}
	policy := made("/policies", m{"name": "policy of " + name, "app_access": false, "admin_access": isAdmin(permissions)})
	role := made("/roles", m{"name": "role of " + name})
	made("/access", m{"policy": policy, "role": role})
	if err == nil {
		err = directusGrant(ctx, a, policy, permissions)
	}
	token = "tok_" + name + "_000000000000000000000000"
	user := made("/users", m{"email": name + "@example.com", "password": directusPassword, "role": role, "token": token, "status": status})
	return user + "." + policy, token, err
}

// seedDirectus makes the collections, their items and the keys of the profile.
func seedDirectus(ctx context.Context, a *api) (map[string]string, error) {
	in, err := a.call(ctx, http.MethodPost, "/auth/login", m{"email": directusUser, "password": directusPassword})
	if err != nil {
		return nil, err
	}
	a.token, _ = in["data"].(map[string]any)["access_token"].(string)
	const admin = "admintoken0000000000000000000000"
	if _, err := a.call(ctx, http.MethodPatch, "/users/me", m{"token": admin}); err != nil {
		return nil, err
	}
	a.token = admin
	id := m{"field": "id", "type": "integer", "schema": m{"is_primary_key": true, "has_auto_increment": true}, "meta": m{"hidden": true}}
	field := func(name, kind string) m { return m{"field": name, "type": kind, "schema": m{}, "meta": m{}} }
	for _, step := range []struct {
		path string
		body any
	}{
		{"/collections", m{"collection": "departments", "schema": m{}, "meta": m{}, "fields": []m{id, field("name", "string")}}},
		{"/collections", m{"collection": "positions", "schema": m{}, "meta": m{}, "fields": []m{id, field("title", "string"), field("state", "string"),
			field("discreet", "boolean"), field("salary", "integer"), field("internal_notes", "text"), field("department", "integer")}}},
		{"/relations", m{"collection": "positions", "field": "department", "related_collection": "departments"}},
		{"/collections", m{"collection": "applications", "schema": m{}, "meta": m{}, "fields": []m{id, field("candidate", "string"), field("position", "integer")}}},
		{"/relations", m{"collection": "applications", "field": "position", "related_collection": "positions", "meta": m{"one_field": "applications"}}},
		{"/fields/positions", m{"field": "applications", "type": "alias", "meta": m{"special": []string{"o2m"}}}},
		{"/items/departments", []m{{"name": "Eng"}, {"name": "Sales"}}},
		{"/items/positions", []m{
			{"title": "Backend engineer", "state": "published", "discreet": false, "salary": 100, "internal_notes": "n1", "department": 1},
			{"title": "Draft role", "state": "draft", "discreet": false, "salary": 200, "internal_notes": "n2", "department": 1},
			{"title": "Secret CEO", "state": "published", "discreet": true, "salary": 300, "internal_notes": "n3", "department": 2}}},
		{"/items/applications", []m{{"candidate": "Ann", "position": 1}, {"candidate": "Ben", "position": 2}, {"candidate": "Cho", "position": 3}}},
	} {
		if _, err := a.call(ctx, http.MethodPost, step.path, step.body); err != nil {
			return nil, err
		}
	}
	tokens := map[string]string{"admin": admin}
	on := func(action string, collections ...string) (out []m) {
		for _, c := range collections {
			out = append(out, m{"collection": c, "action": action})
		}
		return out
	}
	everything := []m{}
	for _, action := range []string{"create", "read", "update", "delete", "share"} {
		everything = append(everything, on(action, "positions", "departments", "applications")...)
	}
	published := m{"state": m{"_eq": "published"}}
	for _, k := range []struct {
		name        string
		permissions []m
	}{
		{"none", nil}, {"one", on("read", "positions")},
		{"pubscope", append(on("read", "departments"), m{"collection": "positions", "action": "read", "permissions": published})},
		{"nodiscreet", append(on("read", "applications", "departments"), m{"collection": "positions", "action": "read", "permissions": m{"discreet": m{"_eq": false}}})},
		{"fields", []m{{"collection": "positions", "action": "read", "fields": basicFields}}},
		{"read", on("read", "positions", "departments", "applications")}, {"createonly", on("create", "positions")},
		{"updatescope", append(on("read", "positions"), m{"collection": "positions", "action": "update", "fields": []string{"title"}, "permissions": published})},
		{"all", everything},
		{"suspended", slices.Concat(on("create", "positions"), on("read", "positions"), on("update", "positions"), on("delete", "positions"))},
	} {
		status := "active"
		if k.name == "suspended" {
			status = "suspended"
		}
		if _, tokens[k.name], err = directusMint(ctx, a, k.name, k.permissions, status); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}
