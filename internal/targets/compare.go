package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A prober runs the command on a seeded server.
type prober struct {
	s              *scenario
	a              *api
	dir, permcheck string
	tokens         map[string]string
}

// A probed is one probe of a report.
type probed struct {
	Check, Method, Path, Key, Verdict, Reason, Subject string
	Status                                             int
}

func (p *probed) row() string { return p.Method + " " + p.Path }

// A runReport is the part of the command's JSON that is compared.
type runReport struct {
	FirstLine string `json:"first_line"`
	Findings  []struct{ Rule, Subject string }
	Learned   struct{ Anonymous, Forbidden map[string]int }
	Left      []string
	Probes    []probed
}

func (r *runReport) failed() []probed {
	var out []probed
	for _, p := range r.Probes {
		if p.Verdict == "fail" {
			out = append(out, p)
		}
	}
	return out
}

// A gap is a row of gaps.csv: what the server is known to do otherwise than its contract says.
// Without a check it is none that a finding could tell, and why says so.
type gap struct{ id, fault, check, row, key, why string }

func (g *gap) explains(p *probed) bool {
	return g.check == p.Check && (g.row == "*" || g.row == p.row()) && (g.key == "*" || g.key == p.Key)
}

// probe runs the command as a user would.
func (p *prober) probe(ctx context.Context, label, profile string, args ...string) (*runReport, error) {
	out, err := p.command(ctx, append([]string{"probe", "catalog.yaml", "--target", p.a.base, "--profile", profile, "--format", "json"}, args...)...)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(p.dir, strings.ReplaceAll(label, " ", "-")+".json"), out, 0o600); err != nil {
		return nil, err
	}
	var r runReport
	if err := json.Unmarshal(out, &r); err != nil {
		return nil, fmt.Errorf("permcheck probe (%s): %w", label, err)
	}
	fmt.Printf("%s: %s\n", label, r.FirstLine)
	if len(r.Left) > 0 {
		return nil, fmt.Errorf("permcheck probe (%s) could not take away %s", label, strings.Join(r.Left, ", "))
	}
	return &r, nil
}

// env is where the profile and its provisioner find the server and the keys.
func (p *prober) env() []string {
	env := []string{envServer + "=" + p.s.name, envBase + "=" + p.a.base, envToken + "=" + p.tokens["admin"], "XDG_STATE_HOME=" + p.dir}
	for name, token := range p.tokens {
		env = append(env, "PC_"+strings.ToUpper(name)+"="+token)
	}
	return env
}

// command runs permcheck in the scenario's folder. That it finds something is no error.
func (p *prober) command(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, p.permcheck, args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), p.env()...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
		return nil, fmt.Errorf("permcheck %s: %w\n%s", strings.Join(args, " "), err, complaint.String())
	}
	return out, nil
}

// all probes the server as it is, and compares what is found with the known gaps.
func (p *prober) all(ctx context.Context, recorded string) (bool, error) {
	gaps, err := readGaps(filepath.Join(p.dir, "gaps.csv"))
	if err != nil {
		return false, err
	}
	r, err := p.probe(ctx, "as it is", "probe.yaml")
	if err != nil {
		return false, err
	}
	ok := p.gaps(r, gaps)
	if recorded == "" {
		fmt.Println("  recorded answers: left out, -recorded names no folder")
	} else {
		agrees, err := p.recorded(r, gaps, recorded)
		if err != nil {
			return false, err
		}
		ok = ok && agrees
	}
	learned, err := p.calibrate(ctx)
	if err != nil {
		return false, err
	}
	ok = ok && learned
	if p.s.example.heading != "" {
		works, err := p.example(ctx)
		if err != nil {
			return false, err
		}
		ok = ok && works
	}
	for _, plant := range p.s.plants {
		found, err := p.plant(ctx, plant, gaps)
		if err != nil {
			return false, err
		}
		ok = ok && found
	}
	return ok, nil
}

// calibrate learns the forms of refusal with a profile that states none, and compares them with
// those that the contract states: the profile's block must come out again, but for the form for
// bad keys, which is a gap.
func (p *prober) calibrate(ctx context.Context) (bool, error) {
	data, err := os.ReadFile(filepath.Join(p.dir, "probe.yaml"))
	if err != nil {
		return false, err
	}
	text := string(data)
	from := strings.Index(text, "\nrefused:\n") + 1
	if from == 0 {
		fmt.Println("  calibration is left out: the catalog states the forms of refusal")
		return true, nil
	}
	to := from + len("refused:\n")
	for strings.HasPrefix(text[to:], "  ") {
		to += strings.IndexByte(text[to:], '\n') + 1
	}
	if err := os.WriteFile(filepath.Join(p.dir, "open.yaml"), []byte(text[:from]+text[to:]), 0o600); err != nil {
		return false, err
	}
	out, err := p.command(ctx, "probe", "catalog.yaml", "--target", p.a.base, "--profile", "open.yaml", "--calibrate")
	if err != nil {
		return false, err
	}
	if stated := text[from:to]; string(out) != stated {
		fmt.Printf("  calibrate LEARNED\n%s  and the contract states\n%s", out, stated)
		return false, nil
	}
	fmt.Printf("  the forms of refusal are learned as the contract states them:\n%s", indent(string(out)))
	return true, nil
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ") + "\n"
}

// example does what the documentation tells a user to do with this server: the catalog and the
// profile are taken from there, and the findings must be those that it promises.
func (p *prober) example(ctx context.Context) (bool, error) {
	e := &p.s.example
	data, err := os.ReadFile(e.file)
	if err != nil {
		return false, fmt.Errorf("run this from the root of the repository: %w", err)
	}
	_, text, ok := strings.Cut(string(data), e.heading)
	if !ok {
		return false, fmt.Errorf("%s has no %q", e.file, e.heading)
	}
	blocks := strings.SplitN(text, "```yaml\n", 4)
	if len(blocks) < 3 {
		return false, fmt.Errorf("%s has no catalog and profile below %q", e.file, e.heading)
	}
	for i, name := range []string{"pocketbase.yaml", "example.yaml"} {
		block, _, _ := strings.Cut(blocks[i+1], "```")
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(block), 0o600); err != nil {
			return false, err
		}
	}
	theirs := *p
	theirs.tokens = maps.Clone(p.tokens)
	for name, key := range e.keys {
		theirs.tokens[name] = p.tokens[key]
	}
	run := func(args ...string) ([]byte, error) {
		return theirs.command(ctx, append(args, "--target", p.a.base, "--profile", "example.yaml", "--rate", "1000")...)
	}
	if _, err := run("probe", "pocketbase.yaml", "--calibrate"); err != nil {
		return false, err
	}
	out, err := run("probe", "pocketbase.yaml", "--format", "json")
	if err != nil {
		return false, err
	}
	var r runReport
	if err := json.Unmarshal(out, &r); err != nil {
		return false, err
	}
	found := map[string]bool{}
	for _, pr := range r.failed() {
		found[pr.Check] = true
	}
	names := slices.Sorted(maps.Keys(found))
	fmt.Printf("the example of %s: %s; found by %s\n", e.file, r.FirstLine, strings.Join(names, ", "))
	if !slices.Equal(names, e.finds) {
		fmt.Printf("  it promises %s\n", strings.Join(e.finds, ", "))
		return false, nil
	}
	return true, nil
}

// plant probes the server with a fault, and puts it right again.
func (p *prober) plant(ctx context.Context, f plant, gaps []gap) (bool, error) {
	undo, err := f.apply(ctx, p.a)
	if err != nil {
		return false, fmt.Errorf("planting %q: %w", f.what, err)
	}
	r, err := p.probe(ctx, fmt.Sprintf("fault %d", f.fault), "probe.yaml", "--only", "operations,records,fields")
	if err := errors.Join(err, undo()); err != nil {
		return false, err
	}
	var found, others []string
	ok := true
	for _, pr := range r.failed() {
		known := false
		for i := range gaps {
			known = known || gaps[i].explains(&pr)
		}
		switch {
		case pr.Check == f.check && pr.row() == f.row:
			found = append(found, pr.Key)
		case known:
		case !strings.HasPrefix(pr.Path, f.touches):
			ok = false
			fmt.Printf("  FALSE ALARM with fault %d: %s on %s, key %s\n", f.fault, pr.Check, pr.row(), pr.Key)
		default:
			others = append(others, fmt.Sprintf("%s on %s, key %s", pr.Check, pr.row(), pr.Key))
		}
	}
	if len(found) == 0 {
		fmt.Printf("  fault %d, %s: LOST, nothing of %s on %s\n", f.fault, f.what, f.check, f.row)
		return false, nil
	}
	fmt.Printf("  fault %d, %s: found by %s on %s, keys %s\n", f.fault, f.what, f.check, f.row, strings.Join(found, ", "))
	for _, o := range others {
		fmt.Printf("    and %s\n", o)
	}
	return ok, nil
}

// gaps reports whether every gap is found and nothing else is.
func (p *prober) gaps(r *runReport, gaps []gap) bool {
	ok := true
	used := make([]bool, len(gaps))
	for _, f := range r.failed() {
		known := false
		for i := range gaps {
			if gaps[i].explains(&f) {
				known, used[i] = true, true
			}
		}
		if !known {
			ok = false
			fmt.Printf("  FALSE ALARM  %s on %s, key %s: %s\n", f.Check, f.row(), f.Key, f.Reason)
		}
	}
	for i, g := range gaps {
		switch {
		case g.check == "":
			fmt.Printf("  %-4s not to be found: %s\n", g.id, g.why)
		case used[i]:
			fmt.Printf("  %-4s found by %s on %s, key %s\n", g.id, g.check, g.row, g.key)
		default:
			ok = false
			fmt.Printf("  %-4s LOST: nothing of %s on %s, key %s\n", g.id, g.check, g.row, g.key)
		}
	}
	return ok
}

// readGaps reads id, fault, check, row, key, why.
func readGaps(path string) ([]gap, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	var out []gap
	for _, r := range rows[1:] {
		out = append(out, gap{r[0], r[1], r[2], r[3], r[4], r[5]})
	}
	return out, nil
}
