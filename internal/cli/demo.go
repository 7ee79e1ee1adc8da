package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/tools/txtar"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/internal/report"
)

// demoFiles is the example API: a Go module, its catalog and its OpenAPI document.
//
//go:embed demo.txtar
var demoFiles []byte

func newDemo(a *app) *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Find three planted faults in a bundled example API",
		Long: `Demo unpacks a small recruiting API with its catalog and its OpenAPI document into a
temporary folder, and runs permcheck on it as you would: it vets the source, compares
the document, starts the server, mints keys and probes it. One fault is planted for
each. The exit code is 0 if exactly these three were found.

It needs the go command, and no network.`,
		Example: `  permcheck demo
  permcheck demo --keep     # leaves the example for you to play with`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), keep) },
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "do not remove the example, and say where it is")
	return cmd
}

// A leg is one witness's part of the demo.
type leg struct {
	title    string
	intro    string
	command  []string // arguments of permcheck
	env      []string // for the command, besides the demo's own
	rule     string   // of the planted fault
	subject  string   // that the fault touches
	findings func([]byte) ([]demoFinding, error)
}

// A demoFinding is what the demo compares of a finding.
type demoFinding struct {
	Rule     string
	Subject  string
	Severity string
}

func (a *app) demo(ctx context.Context, keep bool) error {
	started := time.Now()
	st := a.styles()
	if _, err := exec.LookPath("go"); err != nil {
		return errors.New("the demo compiles its example and needs the go command: install Go from https://go.dev/dl and run it again")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "permcheck-demo-")
	if err != nil {
		return err
	}
	if keep {
		defer fmt.Fprintf(a.out, "The example is in %s\n", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	if err := unpack(dir, demoFiles); err != nil {
		return err
	}
	c, err := catalogs.Load(filepath.Join(dir, "api", "permissions.yaml"))
	if err != nil {
		return err
	}
	d := &demo{app: a, st: st, self: self, dir: dir, env: append(os.Environ(), "GOWORK=off", "GOPROXY=off", "GOFLAGS=", "GOTOOLCHAIN=local")}

	fmt.Fprintf(a.out, "%s\n\n", st.Bold.Sprint("Hire is a small recruiting API. Its catalog says what each endpoint requires:"))
	fmt.Fprintf(a.out, "  api/permissions.yaml   %d endpoints, %d permissions\n\n", len(c.Endpoints), len(c.Permissions))
	fmt.Fprintln(a.out, "Three witnesses should agree with it. In each of them one fault is planted.")

	server, err := d.startServer(ctx, c)
	if err != nil {
		return err
	}
	defer server.stop()

	legs := []leg{
		{
			title: "The source", intro: "Every handler that is registered, and the permission that it declares:",
			command: []string{"vet", "./..."},
			rule:    "undeclared", subject: "GET /candidates/export", findings: listedFindings,
		},
		{
			title: "The OpenAPI document", intro: "What it promises, compared with the catalog:",
			command: []string{"diff", "api/permissions.yaml", "api/openapi.yaml"},
			rule:    "requirement-weakened", subject: "GET /candidates/{candidateId}/notes", findings: listedChanges,
		},
		{
			title: "The running server", intro: fmt.Sprintf("Started on %s, with %d keys minted so that each endpoint's smallest\nadmitted and largest refused grants can be tried:", server.url, len(server.env)),
			command: []string{"probe", "api/permissions.yaml", "--target", server.url, "--profile", "probe.yaml"},
			env:     server.env,
			rule:    "over-grant", subject: "GET /reports/pipeline", findings: listedFindings,
		},
	}
	found := 0
	for i, l := range legs {
		fmt.Fprintf(a.out, "\n%s\n%s\n\n", st.Bold.Sprintf("%d. %s", i+1, l.title), l.intro)
		fmt.Fprintf(a.out, "%s\n", st.Note.Sprintf("$ permcheck %s", strings.Join(l.command, " ")))
		ok, err := d.run(ctx, l)
		if err != nil {
			return fmt.Errorf("%s: %w", l.title, err)
		}
		if ok {
			found++
			fmt.Fprintln(a.out, st.Good.Sprint("✓ the planted fault, and nothing else"))
		}
	}
	fmt.Fprintln(a.out)
	if found < len(legs) {
		fmt.Fprintln(a.out, st.Bad.Sprintf("Found %d of the %d planted faults as expected.", found, len(legs)))
		return errFindings
	}
	fmt.Fprintf(a.out, "%s in %.1f s.\n\n", st.Good.Sprintf("Found the %d planted faults, and nothing else,", found), time.Since(started).Seconds())
	fmt.Fprintln(a.out, `Next, on your own API: write what each endpoint requires into api/permissions.yaml
("permcheck demo --keep" leaves this example to copy from, "permcheck catalog list"
shows the built-in ones), then run the same three commands. "permcheck help" lists all.`)
	return nil
}

// A demo is one run of the demo command.
type demo struct {
	app  *app
	st   report.Styles
	self string // permcheck's own executable
	dir  string // the example
	env  []string
}

// run shows a command's output as a user sees it, and reports whether its findings are
// exactly the planted fault. The command runs a second time for its JSON.
func (d *demo) run(ctx context.Context, l leg) (bool, error) {
	show := d.command(ctx, l)
	show.Stdout, show.Stderr = d.app.out, d.app.err
	if err := exited(show.Run()); err != nil {
		return false, err
	}
	check := d.command(ctx, l)
	check.Args = append(check.Args, "--format", "json")
	var out, errOut bytes.Buffer
	check.Stdout, check.Stderr = &out, &errOut
	if err := exited(check.Run()); err != nil {
		return false, fmt.Errorf("%w\n%s", err, errOut.Bytes())
	}
	findings, err := l.findings(out.Bytes())
	if err != nil {
		return false, err
	}
	planted := false
	for _, f := range findings {
		if f.Rule == l.rule && f.Subject == l.subject && !planted {
			planted = true
			continue
		}
		fmt.Fprintln(d.app.out, d.st.Bad.Sprintf("not planted: %s %s %s", f.Severity, f.Rule, f.Subject))
		return false, nil
	}
	if !planted {
		fmt.Fprintln(d.app.out, d.st.Bad.Sprintf("the planted fault was not found: %s %s", l.rule, l.subject))
	}
	return planted, nil
}

func (d *demo) command(ctx context.Context, l leg) *exec.Cmd {
	cmd := exec.CommandContext(ctx, d.self, l.command...)
	cmd.Dir = d.dir
	cmd.Env = append(slices.Clone(d.env), l.env...)
	return cmd
}

// exited accepts the exit codes of a command that ran: without and with findings.
func exited(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exitFindings {
		return nil
	}
	return err
}

// listedFindings reads the findings of vet and probe.
func listedFindings(data []byte) ([]demoFinding, error) {
	var out struct{ Findings []demoFinding }
	err := json.Unmarshal(data, &out)
	return out.Findings, err
}

// listedChanges reads the changes of diff.
func listedChanges(data []byte) ([]demoFinding, error) {
	var out struct {
		Changes []struct{ Method, Path, Rule, Severity string }
	}
	err := json.Unmarshal(data, &out)
	var findings []demoFinding
	for _, c := range out.Changes {
		findings = append(findings, demoFinding{c.Rule, c.Method + " " + c.Path, c.Severity})
	}
	return findings, err
}

// A demoServer is the example API, running.
type demoServer struct {
	url string
	env []string // NAME=secret for each minted key
	cmd *exec.Cmd
}

func (s *demoServer) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// startServer compiles the example, mints the keys that prove the catalog's boundary,
// writes the probe profile that names them, and starts the server.
func (d *demo) startServer(ctx context.Context, c *catalogs.Catalog) (*demoServer, error) {
	plan, err := conformance.NewPlan(c, conformance.PlanOptions{})
	if err != nil {
		return nil, err
	}
	s := &demoServer{}
	keys := map[string][]string{}
	profile := "permcheck: probe/1\ncatalog: api/permissions.yaml\nenvironment: disposable\nauth: {send: bearer}\n" +
		"writes: all\nids: {id: \"1\"}\nrequire: {proven: 100%, controls: all}\nkeys:\n"
	for _, k := range plan.Keys {
		if k.Kind != conformance.ValidKey {
			continue
		}
		name := demoKeyName(k.Name, len(keys))
		variable := "HIRE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		secret := rand.Text()
		held := []string{}
		for _, p := range k.Grants {
			held = append(held, string(p))
		}
		keys[secret] = held
		s.env = append(s.env, variable+"="+secret)
		profile += fmt.Sprintf("  %s: {grants: %s, secret: env:%s}\n", name, k.Name, variable)
	}
	data, err := json.Marshal(keys)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(
		os.WriteFile(filepath.Join(d.dir, "keys.json"), data, 0o600),
		os.WriteFile(filepath.Join(d.dir, "probe.yaml"), []byte(profile), 0o600),
	); err != nil {
		return nil, err
	}
	binary := filepath.Join(d.dir, "hire.exe") // the suffix is needed on one system and harmless on others
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	build.Dir, build.Env = d.dir, d.env
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compiling the example: %w\n%s", err, out)
	}
	s.cmd = exec.CommandContext(ctx, binary, "-keys", "keys.json", "-addr", "127.0.0.1:0")
	s.cmd.Dir = d.dir
	s.cmd.Stderr = d.app.err
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(io.LimitReader(stdout, 1<<10)).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		s.stop()
		return nil, fmt.Errorf("the example server did not start: it said %q", line)
	}
	s.url = url
	return s, nil
}

// demoKeyName is a short name for a key with the given grant.
func demoKeyName(grant string, n int) string {
	switch {
	case grant == "all" || grant == "none":
		return grant
	case strings.HasPrefix(grant, "all except "):
		return fmt.Sprintf("most-%d", n)
	}
	return fmt.Sprintf("few-%d", n)
}

// unpack writes the files of a txtar archive below dir.
func unpack(dir string, archive []byte) error {
	for _, f := range txtar.Parse(archive).Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
