package org.consentd.bench;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.consentd.Consent;
import org.consentd.DataItem;
import org.consentd.Decision;
import org.consentd.Purpose;
import org.consentd.World;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** What a check costs from Java, beside an empty native. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class CheckBenchmark {
    private static final int ROUNDS = 3;

    private World world;
    private Consent consent;
    private Purpose purpose;
    private DataItem data;

    @Setup(Level.Trial)
    public void open() {
        world = World.start();
        consent = Consent.open(world.address());
        purpose = consent.purpose("services.operation");
        data = consent.data("app.instance_id");
        if (!consent.check(purpose, data).isAllowed()) {
            throw new IllegalStateException("this JVM is not the app: " + consent.whoAmI());
        }
    }

    @TearDown(Level.Trial)
    public void close() {
        consent.close();
        world.close();
    }

    @Benchmark
    public int emptyNative() {
        return Empty.call(1, 2, 3);
    }

    @Benchmark
    public Decision check() {
        return consent.check(purpose, data);
    }

    /**
     * Prints a row for one thread and one for two. Both natives in turn, several times, and the best of each: other
     * programs only ever make them slower. Arguments: the launcher, the library with the empty native, a JVM option.
     */
    public static void main(String[] arguments) throws RunnerException {
        System.out.printf("%-22s %12s %12s %8s   %s%n", "", "empty native", "check", "ratio", "at most 1.5");
        for (int threads = 1; threads <= 2; threads++) {
            Map<String, Double> best = new TreeMap<>();
            for (int round = 0; round < ROUNDS; round++) {
                Options options = new OptionsBuilder()
                        .include(CheckBenchmark.class.getName())
                        .jvm(arguments[0])
                        .jvmArgsAppend(
                                "-Dconsentd.bench.empty=" + arguments[1],
                                "-Dconsentd.programs=" + System.getProperty("consentd.programs"),
                                arguments[2])
                        .threads(threads)
                        .forks(1)
                        .warmupIterations(3)
                        .warmupTime(TimeValue.seconds(1))
                        .measurementIterations(5)
                        .measurementTime(TimeValue.milliseconds(500))
                        .verbosity(VerboseMode.SILENT)
                        .build();
                for (RunResult result : new Runner(options).run()) {
                    for (BenchmarkResult fork : result.getBenchmarkResults()) {
                        for (IterationResult iteration : fork.getIterationResults()) {
                            String name = result.getPrimaryResult().getLabel();
                            best.merge(name, iteration.getPrimaryResult().getScore(), Math::min);
                        }
                    }
                }
            }
            double empty = best.get("emptyNative");
            double check = best.get("check");
            String row = "Java " + System.getProperty("java.version") + ", " + threads + (threads == 1 ? " thread" : " threads");
            System.out.printf("%-22s %9.1f ns %9.1f ns %8.2f%n", row, empty, check, check / empty);
        }
    }
}
