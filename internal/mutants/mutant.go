package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/keyring"
	"github.com/permcheck/permcheck/conformance/reference"
)

const (
	// tokenEnv hands the admin token to the server's process.
	tokenEnv     = "PERMCHECK_ADMIN_TOKEN"
	startTimeout = 20 * time.Second
	// probeTimeout bounds one probe of one server.
	probeTimeout = 2 * time.Minute
	// originServed is the fault of serving requests of web pages where the catalog states that
	// they are refused.
	originServed = "cors-origin-served"
)

// A variant says which server is started, and with which catalog.
type variant struct {
	Fault, Trap string
	// Unstated leaves out of the catalog how refusals look: then every form is right.
	Unstated bool
	// OriginsRefused says in the catalog that the server refuses requests of web pages.
	OriginsRefused bool
}

// catalog is the board's catalog, changed as the variant says.
func (v variant) catalog() *catalogs.Catalog {
	c := reference.Board()
	if v.Unstated {
		c.Refused = catalogs.Refused{}
		for i := range c.Endpoints {
			c.Endpoints[i].Refused = catalogs.Refused{}
		}
	}
	if v.OriginsRefused { // which the server then does
		c.Refused.Origin = catalogs.Denial{Status: 403}
	}
	return c
}

func (v variant) options() reference.Options {
	opts := reference.Options{}
	if v.Fault != "" {
		opts.Faults = []string{v.Fault}
	}
	if v.Trap != "" {
		opts.Traps = []string{v.Trap}
	}
	return opts
}

// A mutant is one server and what probing it showed. It has no fault when it is right.
type mutant struct {
	variant
	name  string // of a server that is right
	fault *reference.Fault

	err    error
	result *conformance.Result // only until it is written down
	failed []failure
	first  string // check of the first finding
	line   string // what is printed
}

// A failure is one probe that failed.
type failure struct {
	probe int
	own   bool // of the check that must find the fault
	noise bool // on what the fault does not touch
}

// rightServers are the clean server and those with a trap. A form of refusal is a trap only
// where none is stated.
func rightServers() []*mutant {
	list := []*mutant{
		{name: "no fault"},
		{name: "no fault, forms of refusal not stated", variant: variant{Unstated: true}},
		{name: "no fault, refuses foreign origins", variant: variant{OriginsRefused: true}},
	}
	for _, t := range reference.Traps {
		m := &mutant{name: strings.TrimSpace(t.ID + " " + t.Name), variant: variant{Trap: t.ID}}
		if t.Name == "" {
			m.name += "(every server here): " + t.What
		}
		m.Unstated = slices.Contains([]string{"T1", "T2", "T3", "T4", "T5"}, t.ID)
		list = append(list, m)
	}
	return list
}

// measure probes the server and writes down what is printed about it. The records of a run are
// large, so that none is kept.
func (m *mutant) measure(ctx context.Context, verbose bool) {
	m.probe(ctx)
	if m.result != nil && len(m.result.Groups) > 0 {
		m.first = m.result.Groups[0].Check
	}
	var line strings.Builder
	m.print(&line, verbose)
	m.line, m.result = line.String(), nil
}

// probe starts the server, probes it, and sorts what failed.
func (m *mutant) probe(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	// A second server, which is never started, says what the fault touches.
	knows, err := reference.New(m.catalog(), m.options())
	if err != nil {
		m.err = err
		return
	}
	if m.result, m.err = m.run(ctx); m.err != nil {
		return
	}
	check := ""
	if m.fault != nil {
		check = findingCheck(m.fault)
	}
	for i, v := range m.result.Verdicts {
		if v != conformance.Fail {
			continue
		}
		pr := &m.result.Plan.Probes[i]
		m.failed = append(m.failed, failure{probe: i, own: check != "" && pr.Check == check, noise: m.fault == nil || !touches(knows, m.result.Plan, pr)})
	}
}

// touches reports whether the fault of a server may be noticed by a probe.
func touches(srv *reference.Server, p *conformance.Plan, pr *conformance.Probe) bool {
	at, who, _ := p.About(pr)
	row := &p.Rows[at]
	if pr.Request >= 0 {
		kind := map[conformance.KeyKind]reference.Caller{conformance.NoKey: reference.Anonymous, conformance.BadMalformed: reference.Malformed,
			conformance.BadUnknown: reference.Unknown, conformance.ValidKey: reference.Valid}[p.Keys[who].Kind]
		return srv.Touches(row.Method, row.Path, kind, []perm.Permission(p.Keys[who].Grants))
	}
	return srv.Reaches(row.Method, row.Path)
}

func (m *mutant) run(ctx context.Context) (*conformance.Result, error) {
	token := rand.Text()
	api, adminURL, stop, err := m.start(ctx, token)
	if err != nil {
		return nil, err
	}
	defer stop()
	p, err := conformance.NewPlan(m.catalog(), conformance.PlanOptions{Shares: true})
	if err != nil {
		return nil, err
	}
	admin := keyring.NewAdmin(adminURL, token)
	creds, err := admin.MintPlan(ctx, p)
	if err != nil {
		return nil, err
	}
	answers, sent, err := conformance.Run(ctx, p, conformance.Target{
		Base: api, Credentials: creds, Reference: true, Objects: admin, Provisioner: admin, Writes: conformance.WritesAll,
		Limits: conformance.Limits{Connections: 8}, Within: time.Second, // longer than any server here takes
	})
	if err != nil {
		return nil, err
	}
	if answers.Cut != "" {
		return nil, errors.New(answers.Cut)
	}
	if len(sent.Left) > 0 && m.Trap == "" { // a server that fails now and then may fail then
		return nil, fmt.Errorf("left behind: %s", strings.Join(sent.Left, ", "))
	}
	return conformance.Judge(p, answers), nil
}

// ready is what a server's process says on its standard output.
type ready struct{ API, Admin string }

// start starts this program as the server. It ends with its standard input.
func (m *mutant) start(ctx context.Context, token string) (api, admin *url.URL, stop func(), err error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, nil, nil, err
	}
	what, err := json.Marshal(m.variant)
	if err != nil {
		return nil, nil, nil, err
	}
	cmd := exec.CommandContext(ctx, exe, "-serve", string(what))
	cmd.Env = []string{tokenEnv + "=" + token}
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, nil, err
	}
	stop = func() {
		in.Close()
		_ = cmd.Wait() // it was told to end
	}
	said := make(chan error, 1)
	var r ready
	go func() { said <- json.NewDecoder(io.LimitReader(out, 1<<16)).Decode(&r) }()
	select {
	case err = <-said:
	case <-time.After(startTimeout):
		err = fmt.Errorf("not ready after %s", startTimeout)
	}
	if err == nil {
		if api, err = url.Parse(r.API); err == nil {
			admin, err = url.Parse(r.Admin)
		}
	}
	if err != nil {
		stop()
		return nil, nil, nil, fmt.Errorf("starting the server: %w", err)
	}
	return api, admin, stop, nil
}

// serveVariant is the server's process.
func serveVariant(what string) error {
	var v variant
	if err := json.Unmarshal([]byte(what), &v); err != nil {
		return err
	}
	opts := v.options()
	opts.AdminToken = os.Getenv(tokenEnv)
	srv, err := reference.New(v.catalog(), opts)
	if err != nil {
		return err
	}
	api, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(ready{"http://" + api.Addr().String(), "http://" + admin.Addr().String()}); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // any end of it is the end
		cancel()
	}()
	return srv.Serve(ctx, api, admin)
}

// found reports whether the fault was found by its own check, before all others, and without
// noise.
func (m *mutant) found() bool {
	return m.err == nil && m.seen() && m.noise() == 0 && m.first == findingCheck(m.fault)
}

func (m *mutant) seen() bool {
	return slices.ContainsFunc(m.failed, func(f failure) bool { return f.own })
}

func (m *mutant) noise() int {
	n := 0
	for _, f := range m.failed {
		if f.noise {
			n++
		}
	}
	return n
}

// causes are the causes of the findings in their order, with how many findings each has.
func (m *mutant) causes() string {
	var ids []string
	count := map[string]int{}
	for _, g := range m.result.Groups {
		if count[g.Cause.ID]++; count[g.Cause.ID] == 1 {
			ids = append(ids, g.Cause.ID)
		}
	}
	for i, id := range ids {
		ids[i] = fmt.Sprintf("%s (%d)", id, count[id])
	}
	return strings.Join(ids, ", ")
}

func (m *mutant) print(w io.Writer, verbose bool) {
	switch {
	case m.fault == nil && m.err != nil:
		fmt.Fprintf(w, "%-40s %s\n", m.name, m.err)
		return
	case m.fault == nil:
		fmt.Fprintf(w, "%-40s %-6d %s\n", m.name, m.noise(), m.result.FirstLine())
	case m.err != nil:
		fmt.Fprintf(w, "%-8s %-32s %-26s %s\n", strings.Join(m.fault.Numbers, ","), m.Fault, findingCheck(m.fault), m.err)
		return
	default:
		check, found := findingCheck(m.fault), "no"
		switch {
		case check == "":
			check, found = "-", "-"
		case m.seen() && m.result.Groups[0].Check != check:
			found = "late"
		case m.seen():
			found = "yes"
		}
		fmt.Fprintf(w, "%-8s %-32s %-26s %-6s %-6d %s\n", strings.Join(m.fault.Numbers, ","), m.Fault, check, found, m.noise(), m.causes())
	}
	for _, f := range m.failed {
		if verbose || f.noise {
			m.printFailure(w, f)
		}
	}
	if m.fault == nil && verbose {
		for i, v := range m.result.Verdicts {
			if v == conformance.Inconclusive {
				pr := &m.result.Plan.Probes[i]
				row, _, _ := m.result.Plan.About(pr)
				fmt.Fprintf(w, "         inconclusive: %s %s with key %s: %s\n", pr.Check, &m.result.Plan.Rows[row], m.result.Plan.KeyName(pr), m.result.Reasons[i])
			}
		}
	}
}

func (m *mutant) printFailure(w io.Writer, f failure) {
	pr := &m.result.Plan.Probes[f.probe]
	row, _, _ := m.result.Plan.About(pr)
	word := "finding"
	if f.noise {
		word = "noise"
	}
	fmt.Fprintf(w, "         %s: %s %s with key %s: %s\n", word, pr.Check, &m.result.Plan.Rows[row], m.result.Plan.KeyName(pr), m.result.Reasons[f.probe])
}
