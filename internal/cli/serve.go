package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/keyring"
	"github.com/permcheck/permcheck/conformance/reference"
	"github.com/permcheck/permcheck/internal/report"
)

// adminTokenEnv names the variable with the token of the reference server's admin API.
const adminTokenEnv = "PERMCHECK_ADMIN_TOKEN"

func newServe(a *app) *cobra.Command {
	var (
		addr, adminAddr string
		opts            reference.Options
		keys            []string
		untilEOF        bool
		listFaults      bool
		listTraps       bool
		printBoard      bool
		switches        []string
		listSwitches    bool
	)
	cmd := &cobra.Command{
		Use:   "serve CATALOG",
		Short: "Run a reference server that enforces a catalog",
		Long: `Serve runs an HTTP server that enforces the catalog on seeded objects: a partner for
the client that you write, and a target to try permcheck probe on. CATALOG is a file,
vendor:NAME, or - for standard input. What it says about endpoints, records, fields and
allow lists is all enforced.

Requests show a key as "Authorization: Bearer SECRET". Keys are made with --key, or
while it runs with the admin API, which listens on an address of its own. Its token
is taken from $` + adminTokenEnv + `, or made and printed on standard error.
With --state the keys are kept in a file, and are there again when the server is
started the next time, however it ended. Endpoints that the catalog calls unknown are
refused to every key.

Lists take limit, cursor, q, filter[field], sort, fields, include and ids.

The server of a vendor also signs in, answers and behaves as the vendor's own pages say.
What they leave open is a switch each (--switch, see --switches).

A fault (--fault, see --faults) makes the server do something wrong, such as a check
that is missing on one endpoint; the catalog that it serves stays as it is. A trap
(--trap, see --traps) makes it do something right that is easily mistaken for a fault.`,
		Example: `  permcheck serve vendor:eightfold --key 'PC_READER=Position:READ'
  permcheck serve api/permissions.yaml --addr 127.0.0.1:8080 --fault missing-check
  permcheck serve api/permissions.yaml --fault 'missing-check@DELETE /positions/{id}'
  permcheck serve vendor:comeet --state keys.journal --rows 500
  permcheck serve vendor:personio --switches
  permcheck serve --print-board > board.yaml
  permcheck serve board.yaml --fault 'list-unfiltered@GET /v1/positions' --trap T9
  permcheck serve --faults`,
		ValidArgsFunction: completeCatalogs,
		Args: func(cmd *cobra.Command, args []string) error {
			if listFaults && len(args) == 1 {
				return nil // those of a vendor too
			}
			if listFaults || listTraps || printBoard {
				return cobra.NoArgs(cmd, args)
			}
			return exactArgs(1, "one CATALOG")(cmd, args)
		},
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case listFaults:
			return a.printFaults(args...)
		case listTraps:
			return a.printTraps()
		case printBoard:
			_, err := a.out.Write(reference.BoardText())
			return err
		}
		c, err := a.loadCatalog(args[0])
		if err != nil {
			return err
		}
		opts.Vendor = vendorOf(args[0])
		if listSwitches {
			return a.printSwitches(args[0], opts.Vendor)
		}
		if opts.Switches, err = parseSwitches(switches); err != nil {
			return err
		}
		token := os.Getenv(adminTokenEnv)
		if opts.AdminToken = token; token == "" {
			opts.AdminToken = rand.Text()
		}
		srv, err := reference.New(c, opts)
		if err != nil {
			return err
		}
		defer srv.Close() // every change of a key is in the file already
		exports, minted, err := mintKeys(srv, c, keys, opts.State, opts.Vendor != "")
		if err != nil {
			return err
		}
		api, err := net.Listen("tcp", addr)
		if err != nil {
			return fmt.Errorf("--addr: %w", err)
		}
		admin, err := net.Listen("tcp", adminAddr)
		if err != nil {
			api.Close()
			return fmt.Errorf("--admin-addr: %w", err)
		}
		if a.format == "json" {
			err = json.NewEncoder(a.out).Encode(served{Version: 1, Catalog: args[0], Endpoints: len(c.Endpoints),
				API: "http://" + api.Addr().String(), Admin: "http://" + admin.Addr().String()})
		} else {
			s := a.styles()
			fmt.Fprintf(a.out, "serving %s, %d endpoints\n", s.Bold.Sprint(report.Clean(c.Name)), len(c.Endpoints))
			fmt.Fprintf(a.out, "export PC_API=http://%s\n", api.Addr())
			for _, line := range exports {
				fmt.Fprintln(a.out, line)
			}
			fmt.Fprintf(a.out, "admin API: http://%s\n", admin.Addr())
		}
		if err != nil {
			return err
		}
		if token == "" && a.format != "json" {
			fmt.Fprintf(a.err, "admin token: %s\n", opts.AdminToken)
		}
		ctx := cmd.Context()
		if untilEOF {
			var cancel context.CancelFunc
			ctx, cancel = context.WithCancel(ctx)
			defer cancel()
			go func() {
				_, _ = io.Copy(io.Discard, a.in) // any end of it is the end
				cancel()
			}()
		}
		ended := make(chan error, 1)
		go func() { ended <- srv.Serve(ctx, api, admin) }()
		if opts.Vendor != "" && len(minted) > 0 && a.format != "json" {
			if err := a.exportTokens(ctx, args[0], c, "http://"+api.Addr().String(), minted); err != nil {
				return err
			}
		}
		return <-ended
	}
	f := cmd.Flags()
	f.StringVar(&addr, "addr", "127.0.0.1:0", "address of the API; port 0 picks a free one")
	f.StringVar(&adminAddr, "admin-addr", "127.0.0.1:0", "address of the admin API")
	f.StringArrayVar(&opts.Faults, "fault", nil, "plant a fault: NAME or 'NAME@METHOD /path'; may be repeated")
	f.BoolVar(&listFaults, "faults", false, "list the faults and end")
	f.StringArrayVar(&keys, "key", nil, "make a key: 'NAME=GRANT', where GRANT is all, none, 'a & b' or 'all except a'; may be repeated")
	f.IntVar(&opts.Rows, "rows", 0, "objects seeded in each collection (default as many as show every case that the catalog's rules make)")
	f.StringArrayVar(&opts.Traps, "trap", nil, "behave rightly in a way that looks wrong: a name or T1 to T18; may be repeated")
	f.BoolVar(&listTraps, "traps", false, "list the traps and end")
	f.StringVar(&opts.State, "state", "", "file that keeps the keys when the server ends")
	f.BoolVar(&opts.BlockOrigins, "block-origins", false, "answer 403 to every request that a page of another origin sends")
	f.StringArrayVar(&switches, "switch", nil, "decide what the vendor's pages leave open: NAME=VALUE; may be repeated")
	f.BoolVar(&listSwitches, "switches", false, "list the switches of a vendor's server and end")
	f.BoolVar(&printBoard, "print-board", false, "print the catalog of a job board, which every fault can be planted in, and end")
	f.BoolVar(&untilEOF, "until-eof", false, "end when standard input does")
	a.formatFlag(cmd, "text", "json")
	_ = cmd.RegisterFlagCompletionFunc("fault", cobra.FixedCompletions(faultNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// served is what serve --format json prints when it is ready.
type served struct {
	Version   int    `json:"version"`
	Catalog   string `json:"catalog"`
	Endpoints int    `json:"endpoints"`
	API       string `json:"api"`
	Admin     string `json:"admin"`
}

// A servedKey is a key that serve made.
type servedKey struct{ env, id, secret string }

// exportTokens prints what the keys show after signing in as the vendor's clients do.
func (a *app) exportTokens(ctx context.Context, ref string, c *catalogs.Catalog, api string, keys []servedKey) error {
	m, err := manners(ref, c)
	if err != nil || m == nil {
		return err
	}
	admin := keyring.NewAdmin(nil, "")
	admin.Manners = m
	if admin.API, err = url.Parse(api); err != nil {
		return err
	}
	for _, k := range keys {
		shown, err := admin.Export(ctx, k.env, k.id, k.secret)
		if err != nil { // a switch or a fault may be why
			fmt.Fprintf(a.err, "note: %s cannot sign in: %v\n", k.env, err)
			continue
		}
		for _, env := range slices.Sorted(maps.Keys(shown)) {
			if shown[env] != k.secret {
				fmt.Fprintf(a.out, "export %s=%s\n", env, shown[env])
			}
		}
	}
	return nil
}

// mintKeys makes the keys of --key and returns the shell lines that export them. A key that
// the state file has already keeps its secret, which nobody can print any more.
func mintKeys(srv *reference.Server, c *catalogs.Catalog, keys []string, state string, vendor bool) (lines []string, minted []servedKey, err error) {
	for _, text := range keys {
		name, grant, ok := strings.Cut(text, "=")
		if !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool {
			return !(r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
		}) {
			return nil, nil, fmt.Errorf("--key %q: expected NAME=GRANT, where NAME is one for an environment variable", text)
		}
		set, err := conformance.ParseGrant(grant, c)
		if err != nil {
			return nil, nil, fmt.Errorf("--key %q: %w", text, err)
		}
		if state != "" && srv.HasKey(name) {
			lines = append(lines, fmt.Sprintf("# %s is in %s already, with the secret that it had", name, report.Clean(state)))
			continue
		}
		id, secret, err := srv.Mint(name, set)
		if err != nil {
			return nil, nil, fmt.Errorf("--key %q: %w", text, err)
		}
		if minted = append(minted, servedKey{name, id, secret}); vendor {
			lines = append(lines, fmt.Sprintf("export %s_ID=%s", name, id))
		}
		lines = append(lines, fmt.Sprintf("export %s=%s", name, secret))
	}
	return lines, minted, nil
}

func faultNames() []string {
	var names []string
	for _, f := range reference.Faults {
		names = append(names, f.Name)
	}
	return names
}

// vendorOf is the vendor whose manners the server of a catalog has; empty: none.
func vendorOf(ref string) string {
	if name, ok := strings.CutPrefix(ref, "vendor:"); ok && slices.Contains(reference.Vendors(), name) {
		return name
	}
	return ""
}

// parseSwitches reads NAME=VALUE.
func parseSwitches(list []string) (map[string]string, error) {
	set := map[string]string{}
	for _, text := range list {
		name, value, ok := strings.Cut(text, "=")
		if _, twice := set[name]; !ok || name == "" || twice {
			return nil, fmt.Errorf("--switch %q: expected NAME=VALUE, each name once", text)
		}
		set[name] = value
	}
	return set, nil
}

func (a *app) printSwitches(ref, vendor string) error {
	switches := reference.Switches(vendor)
	if a.format == "json" {
		type row struct {
			Name    string   `json:"name"`
			Default string   `json:"default"`
			Values  []string `json:"values"`
			What    string   `json:"what"`
			Source  string   `json:"source"`
		}
		rows := []row{}
		for _, sw := range switches {
			rows = append(rows, row{sw.Name, sw.Values[0], sw.Values, sw.What, sw.Source})
		}
		return a.writeJSON(map[string]any{"version": 1, "switches": rows})
	}
	if len(switches) == 0 {
		fmt.Fprintf(a.out, "%s has no switches\n", report.Clean(ref))
		return nil
	}
	s := a.styles()
	for _, sw := range switches {
		fmt.Fprintf(a.out, "%s=%s  %s\n", s.Bold.Sprint(sw.Name), sw.Values[0], sw.What)
		fmt.Fprintf(a.out, "    %s\n", s.Dim.Sprintf("also %s; %s", strings.Join(sw.Values[1:], ", "), sw.Source))
	}
	return nil
}

// faultsFor are the faults that can be planted in any server, behind those that only the
// server of a catalog's vendor can have.
func faultsFor(refs ...string) []reference.Fault {
	var list []reference.Fault
	for _, ref := range refs {
		list = append(list, reference.FaultsOf(vendorOf(ref))...)
	}
	return append(list, reference.Faults...)
}

// printFaults lists the faults; with the name of a catalog those of its vendor first.
func (a *app) printFaults(refs ...string) error {
	if a.format == "json" {
		type row struct {
			Numbers []string `json:"numbers"`
			Name    string   `json:"name"`
			Aspect  string   `json:"aspect"`
			Check   string   `json:"check,omitempty"`
			What    string   `json:"what"`
		}
		rows := []row{}
		for _, f := range faultsFor(refs...) {
			rows = append(rows, row{f.Numbers, f.Name, string(f.Aspect), f.Check, f.What})
		}
		return a.writeJSON(map[string]any{"version": 1, "faults": rows})
	}
	s := a.styles()
	for _, f := range faultsFor(refs...) {
		found := ""
		if f.Check != "" {
			found = ", found by " + f.Check
		}
		fmt.Fprintf(a.out, "%-6s %s  %s\n%41s%s\n", strings.Join(f.Numbers, " "), s.Bold.Sprintf("%-32s", f.Name), f.What, "", s.Dim.Sprintf("%s%s", f.Aspect, found))
	}
	return nil
}

func (a *app) printTraps() error {
	if a.format == "json" {
		type row struct {
			ID   string `json:"id"`
			Name string `json:"name,omitempty"`
			What string `json:"what"`
		}
		rows := []row{}
		for _, t := range reference.Traps {
			rows = append(rows, row(t))
		}
		return a.writeJSON(map[string]any{"version": 1, "traps": rows})
	}
	s := a.styles()
	for _, t := range reference.Traps {
		name := t.Name
		if name == "" {
			name = "(always)"
		}
		fmt.Fprintf(a.out, "%-4s %s  %s\n", t.ID, s.Bold.Sprintf("%-22s", name), t.What)
	}
	return nil
}
