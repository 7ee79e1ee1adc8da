package cli

import (
	"fmt"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/internal/gate"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// severities reads what a configuration states for rules.
func severities(config *catalogs.Config) (map[string]report.Severity, error) {
	out := map[string]report.Severity{}
	for _, s := range config.Severity {
		if _, ok := report.DefaultSeverity(s.Rule); !ok {
			ids := make([]string, len(report.Rules))
			for i, r := range report.Rules {
				ids[i] = r.ID
			}
			hint := "; permcheck explain lists the rules"
			if near := strictyaml.Nearest(s.Rule, ids); near != "" {
				hint = fmt.Sprintf(": did you mean %s?", near)
			}
			return nil, fmt.Errorf("%s: severity: no rule %q%s", s.Pos, strictyaml.Excerpt(s.Rule), hint)
		}
		var level report.Severity
		if err := level.Set(s.Level); err != nil {
			return nil, fmt.Errorf("%s: severity: %w", s.Pos, err)
		}
		out[s.Rule] = level
	}
	return out, nil
}

// adjust makes the severities of a configuration those of this run.
func adjust(config *catalogs.Config) error {
	levels, err := severities(config)
	if err == nil {
		report.Adjust(levels)
	}
	return err
}

// adjustStricter makes the graver of two configurations' severities those of this run. How
// grave it is to loosen the gate, the base says.
func adjustStricter(base, head *catalogs.Config) error {
	b, err := severities(base)
	if err != nil {
		return fmt.Errorf("base: %w", err)
	}
	h, err := severities(head)
	if err != nil {
		return err
	}
	level := func(m map[string]report.Severity, rule string) report.Severity {
		if s, ok := m[rule]; ok {
			return s
		}
		s, _ := report.DefaultSeverity(rule)
		return s
	}
	out := map[string]report.Severity{}
	for _, m := range []map[string]report.Severity{b, h} {
		for rule := range m {
			out[rule] = max(level(b, rule), level(h, rule))
		}
	}
	if s, ok := b[gate.Rule]; ok {
		out[gate.Rule] = max(s, h[gate.Rule])
	}
	report.Adjust(out)
	return nil
}
