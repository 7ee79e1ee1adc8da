package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/reference"
)

// leastScore is how many numbers must be found. It is raised when the score is.
const leastScore = 103

// families are the parts of the catalog of faults by their first and last number.
var families = []struct {
	name        string
	first, last int
	what        string
}{
	{"A", 1, 19, "operations"}, {"B", 20, 26, "grants"}, {"C", 27, 37, "authentication"}, {"D", 38, 47, "life cycle"}, {"E", 48, 64, "routing"},
	{"F", 65, 81, "records"}, {"G", 82, 85, "fields"}, {"H", 86, 87, "existence and caches"}, {"I", 88, 88, "browsers"},
}

// notPlanted are the numbers that no server here is wrong about, with the reason.
var notPlanted = map[string]string{}

func main() {
	fault := flag.String("fault", "", "only this fault, as NAME or 'NAME@METHOD /path'")
	family := flag.String("family", "", "only the families with these letters, such as AE")
	traps := flag.Bool("traps", true, "also probe servers that are right")
	jobs := flag.Int("jobs", 4, "servers at a time")
	verbose := flag.Bool("v", false, "print each finding")
	serve := flag.String("serve", "", "be the server that is described: what this program starts itself with")
	flag.Parse()
	if *serve != "" {
		if err := serveVariant(*serve); err != nil {
			fmt.Fprintln(os.Stderr, "mutants:", err)
			os.Exit(2)
		}
		return
	}
	if flag.NArg() > 0 || *jobs < 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := measure(ctx, os.Stdout, *fault, strings.ToUpper(*family), *traps, *jobs, *verbose)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// measure probes and prints; it reports whether the score is reached and the right servers
// were silent.
func measure(ctx context.Context, w io.Writer, only, family string, traps bool, jobs int, verbose bool) (bool, error) {
	began := time.Now()
	var list []*mutant
	for i := range reference.Faults {
		f := &reference.Faults[i]
		place := f.Name
		if only != "" {
			if name, _, _ := strings.Cut(only, "@"); name != f.Name {
				continue
			}
			place = only
		}
		if family == "" || slices.ContainsFunc(f.Numbers, func(n string) bool { return strings.Contains(family, familyOf(n)) }) {
			list = append(list, &mutant{fault: f, variant: variant{Fault: place, OriginsRefused: f.Name == originServed}})
		}
	}
	if len(list) == 0 {
		return false, fmt.Errorf("no fault is named %q in family %q", only, family)
	}
	slices.SortStableFunc(list, func(a, b *mutant) int { return cmp.Compare(order(a.fault.Numbers), order(b.fault.Numbers)) })
	var right []*mutant
	if traps && only == "" {
		right = rightServers()
	}
	work := make(chan *mutant)
	var wg sync.WaitGroup
	for range jobs {
		wg.Go(func() {
			for m := range work {
				m.measure(ctx, verbose)
			}
		})
	}
	for _, m := range slices.Concat(right, list) { // those that take longest first
		work <- m
	}
	close(work)
	wg.Wait()
	if ctx.Err() != nil {
		return false, ctx.Err()
	}

	fmt.Fprintf(w, "%-8s %-32s %-26s %-6s %-6s %s\n", "number", "fault", "check", "found", "noise", "causes of the findings")
	found, forms := map[string]bool{}, map[string]int{}
	for _, m := range list {
		fmt.Fprint(w, m.line)
		for _, n := range m.fault.Numbers {
			was, seen := found[n]
			found[n] = m.found() && (was || !seen)
			forms[n]++
		}
	}
	silent := true
	if len(right) > 0 {
		fmt.Fprintf(w, "\n%-40s %-6s %s\n", "servers that are right", "noise", "")
	}
	for _, m := range right {
		fmt.Fprint(w, m.line)
		silent = silent && m.err == nil && len(m.failed) == 0
	}
	score, planted := 0, 0
	for _, ok := range found {
		planted++
		if ok {
			score++
		}
	}
	fmt.Fprintf(w, "\nscore %d of %d numbers planted, %d faults, %s\n", score, planted, len(list), time.Since(began).Round(time.Second))
	if only != "" || family != "" {
		return score == planted && silent, nil
	}
	for _, n := range numbers() {
		if forms[n] == 0 {
			fmt.Fprintf(w, "not planted: %s, %s\n", n, cmp.Or(notPlanted[n], "no reason is given"))
			silent = silent && notPlanted[n] != ""
		}
	}
	if score < leastScore {
		fmt.Fprintf(w, "the score is below the least one of %d\n", leastScore)
	}
	return score >= leastScore && silent, nil
}

// numbers lists every number of the catalog of faults.
func numbers() []string {
	var out []string
	for n := 1; n <= 87; n++ {
		out = append(out, strconv.Itoa(n))
	}
	for c := 'a'; c <= 'p'; c++ {
		out = append(out, "88"+string(c))
	}
	return out
}

// number is the leading number of an entry such as 88a.
func number(n string) int {
	i, _ := strconv.Atoi(strings.TrimRight(n, "abcdefghijklmnop")) // 0 is of no family
	return i
}

func order(numbers []string) int {
	if len(numbers) == 0 {
		return 0
	}
	return number(numbers[0])
}

func familyOf(n string) string {
	for _, f := range families {
		if i := number(n); i >= f.first && i <= f.last {
			return f.name
		}
	}
	return "?"
}

// findingCheck is the check that must find a fault; "" when none does yet.
func findingCheck(f *reference.Fault) string {
	for _, c := range conformance.Checks {
		if f.Check == c.ID || slices.Contains(c.Finds, f.Name) {
			return c.ID
		}
	}
	return ""
}
