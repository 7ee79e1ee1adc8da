package gate

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/internal/report"
)

// A State is one state of a repository, as far as the gate looks at it.
type State struct {
	Root     string // of its files
	Config   *catalogs.Config
	Known    []report.KnownEntry
	Ignores  []Ignore
	Services []*Service
}

// An Ignore is a comment in the code that excuses a finding.
type Ignore struct {
	Rule, Reason string
	Pos          catalogs.Pos
}

// A Service is one service of a state, with what its witnesses say.
type Service struct {
	catalogs.Service
	Table     *catalogs.Catalog   // nil: it has no catalog
	Documents []*openapi.Document // by names relative to the root
	Program   *catalogs.Catalog   // the routes of its code; nil: none was read
	// Excused reports whether ignore-routes excuses an endpoint.
	Excused func(method, path string) bool
}

// names returns the names of the service's documents.
func (s *Service) names() []string {
	var out []string
	for _, d := range s.Documents {
		out = append(out, d.File)
	}
	return out
}

// rel is a path relative to the state's root.
func (s *State) rel(path string) string {
	if strings.HasPrefix(path, catalogs.VendorPrefix) || !filepath.IsAbs(path) {
		return filepath.ToSlash(path)
	}
	if r, err := filepath.Rel(s.Root, path); err == nil {
		return filepath.ToSlash(r)
	}
	return filepath.ToSlash(path)
}

// pairs returns the services of both states that are one: those of a name, and then those
// that read something in common, as a service that was renamed does.
func pairs(base, head *State) (both [][2]*Service, gone []*Service) {
	taken := map[*Service]bool{}
	match := func(fits func(b, h *Service) bool, left []*Service) (rest []*Service) {
		for _, b := range left {
			i := slices.IndexFunc(head.Services, func(h *Service) bool { return !taken[h] && fits(b, h) })
			if i < 0 {
				rest = append(rest, b)
				continue
			}
			taken[head.Services[i]] = true
			both = append(both, [2]*Service{b, head.Services[i]})
		}
		return rest
	}
	gone = match(func(b, h *Service) bool { return b.Name == h.Name }, base.Services)
	gone = match(func(b, h *Service) bool { return base.shares(b, head, h) }, gone)
	if len(gone) == 1 && len(head.Services) == 1 && len(base.Services) == 1 {
		gone = match(func(*Service, *Service) bool { return true }, gone)
	}
	return both, gone
}

// Renamed returns the documents of the base that have another name in the new state, with
// that name.
func Renamed(base, head *State) map[string]string {
	out := map[string]string{}
	both, _ := pairs(base, head)
	for _, p := range both {
		for _, d := range p[0].Documents {
			if !slices.Contains(p[1].names(), d.File) {
				if e := renamed(d, p[0], p[1]); e != nil {
					out[d.File] = e.File
				}
			}
		}
	}
	return out
}

// shares reports whether two services read something in common.
func (s *State) shares(b *Service, head *State, h *Service) bool {
	if slices.ContainsFunc(b.names(), func(n string) bool { return slices.Contains(h.names(), n) }) {
		return true
	}
	return slices.ContainsFunc(b.Code, func(p string) bool { return covered(p, h.Code) }) && len(h.Code) > 0
}

// covered reports whether package patterns cover another one.
func covered(pattern string, by []string) bool {
	clean := func(p string) (string, bool) {
		p = filepath.ToSlash(p)
		dir, tree := strings.CutSuffix(p, "...")
		return strings.Trim(strings.TrimPrefix(strings.TrimSuffix(dir, "/"), "./"), "/."), tree
	}
	dir, tree := clean(pattern)
	return slices.ContainsFunc(by, func(p string) bool {
		outer, all := clean(p)
		switch {
		case outer == dir:
			return all || !tree
		case all:
			return outer == "" || strings.HasPrefix(dir, outer+"/")
		}
		return false
	})
}
