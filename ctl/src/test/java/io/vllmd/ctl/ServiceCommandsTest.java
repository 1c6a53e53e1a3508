package io.vllmd.ctl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The service commands against stand-ins for launchctl and systemctl, which keep their jobs in files. */
@Timeout(60)
class ServiceCommandsTest {

    /**
     * Behaves as launchctl is documented to: bootstrap of a loaded or disabled job fails with 5, bootout returns
     * before the job is gone (here: the file "lingers" counts the calls for which it stays), print of an unknown one is 113.
     */
    private static final String LAUNCHCTL = """
            #!/bin/sh
            state=$(dirname "$0")/../jobs
            echo "$*" >>"$state/calls"
            linger() {
              [ -f "$state/leaving" ] || return 0
              n=$(cat "$state/lingers" 2>/dev/null || echo 0)
              if [ "$n" -gt 0 ]; then echo $((n - 1)) >"$state/lingers"; return; fi
              if [ -f "$state/leaving" ]; then rm -f "$state/leaving" "$state/loaded"; fi
            }
            case $1 in
              print)
                case $2 in
                  gui/*/*|user/*/*)
                    if [ -f "$state/loaded" ] && [ "${2##*/}" = "$(cat "$state/loaded")" ]; then
                      echo "$2 = {"
                      [ -f "$state/running" ] && { echo "	state = running"; echo "	pid = 4711"; }
                      echo "	last exit code = 0"
                      echo "}"
                    else
                      echo "Could not find service in domain" >&2; exit 113
                    fi ;;
                  gui/*) [ ! -f "$state/no-gui" ] || exit 125 ;;
                esac ;;
              bootstrap)
                linger
                if [ -f "$state/loaded" ] || [ -f "$state/broken" ]; then
                  echo "Bootstrap failed: 5: Input/output error" >&2; exit 5
                fi
                [ -f "$3" ] || exit 2
                echo io.vllmd.daemon >"$state/loaded"; touch "$state/running" ;;
              bootout)
                [ -f "$state/loaded" ] || { echo "Boot-out failed: 3: No such process" >&2; exit 3; }
                rm -f "$state/running"; touch "$state/leaving"
                [ -f "$state/lingers" ] || linger ;;
              kickstart) touch "$state/running" ;;
              enable) ;;
              *) exit 64 ;;
            esac
            """;

    private static final String SYSTEMCTL = """
            #!/bin/sh
            state=$(dirname "$0")/../jobs
            echo "$*" >>"$state/calls"
            [ "$1" = --user ] || exit 64
            [ ! -f "$state/no-bus" ] || { echo "Failed to connect to bus: No medium found" >&2; exit 1; }
            case $2 in
              restart|start) touch "$state/running" ;;
              stop) rm -f "$state/running" ;;
              disable) rm -f "$state/running" ;;
              show)
                if [ -f "$state/running" ]; then echo "ActiveState=active"; echo "MainPID=4712";
                else echo "ActiveState=inactive"; echo "MainPID=0"; fi
                echo "Result=success" ;;
            esac
            """;

    @TempDir
    Path home;

    private Run.World world;
    private Path jobs;
    private Path plist;

    @BeforeEach
    void makeStandIns() throws IOException {
        world = new Run.World(home);
        world.environment.put("PATH", home.resolve("bin") + ":/usr/bin:/bin");
        world.environment.put("USER", "me");
        world.root = "/opt/vllmd";
        jobs = Files.createDirectories(home.resolve("jobs"));
        plist = home.resolve("Library/LaunchAgents/io.vllmd.daemon.plist");
    }

    @Test
    void launchdInstallWritesTheAgentAndBootstrapsItInTheLoginDomain() throws Exception {
        launchd();
        var run = world.run("service", "install");
        assertEquals(ExitCode.OK, run.exit(), run.err());
        assertTrue(run.out().contains(plist.toString()), run.out());
        assertEquals(
                List.of("/opt/vllmd/bin/vllmd"),
                ServiceTemplateTest.plist(Files.readString(plist)).get("ProgramArguments"));
        int uid = (int) Files.getAttribute(home, "unix:uid");
        assertTrue(calls().contains("enable gui/" + uid + "/io.vllmd.daemon"), calls().toString());
        assertTrue(calls().contains("bootstrap gui/" + uid + " " + plist), calls().toString());
        assertTrue(Files.isDirectory(home.resolve("logs")), "launchd does not make the folder of its log files");
    }

    @Test
    void launchdInstallOverALoadedJobBootsItOutAndWaitsUntilItIsGone() throws Exception {
        launchd();
        world.run("service", "install");
        Files.writeString(jobs.resolve("lingers"), "2");
        assertEquals(ExitCode.OK, world.run("service", "install").exit());
        assertEquals(4, calls().stream().filter(c -> c.startsWith("bootstrap")).count() - 1, calls().toString());
        assertEquals(ExitCode.OK, world.run("service", "status").exit());
    }

    @Test
    void launchdFallsBackToTheUserDomainWithoutALogin() throws Exception {
        launchd();
        Files.createFile(jobs.resolve("no-gui"));
        world.run("service", "install");
        assertTrue(calls().stream().anyMatch(c -> c.startsWith("bootstrap user/")), calls().toString());
    }

    @Test
    void aBootstrapThatNeverWorksIsToldInLaunchctlsWords() throws Exception {
        launchd();
        Files.createFile(jobs.resolve("broken"));
        var run = world.run("service", "install");
        assertEquals(ExitCode.FAILED, run.exit());
        assertTrue(run.err().contains("Bootstrap failed: 5: Input/output error"), run.err());
    }

    @Test
    void launchdStartStopStatusAndUninstallFollowTheJob() throws Exception {
        launchd();
        assertStatus(ExitCode.NOT_RUNNING, "not installed");
        assertEquals(ExitCode.NOT_FOUND, world.run("service", "start").exit());
        assertEquals(ExitCode.NOT_FOUND, world.run("service", "stop").exit());
        assertEquals(ExitCode.NOT_FOUND, world.run("service", "uninstall").exit());
        world.run("service", "install");
        assertStatus(ExitCode.OK, "running, process 4711 (last exit code 0)");
        assertEquals(ExitCode.OK, world.run("service", "stop").exit());
        assertStatus(ExitCode.NOT_RUNNING, "stopped");
        assertEquals(ExitCode.OK, world.run("service", "start").exit());
        assertStatus(ExitCode.OK, "running");
        Files.delete(jobs.resolve("running"));
        assertStatus(ExitCode.NOT_RUNNING, "stopped (last exit code 0)");
        assertEquals(ExitCode.OK, world.run("service", "start").exit());
        assertTrue(calls().getLast().startsWith("kickstart ") || Files.exists(jobs.resolve("running")));
        assertEquals(ExitCode.OK, world.run("service", "uninstall").exit());
        assertFalse(Files.exists(plist));
        assertStatus(ExitCode.NOT_RUNNING, "not installed");
    }

    @Test
    void theServiceThatBrewMadeIsFound() throws Exception {
        launchd();
        Files.writeString(jobs.resolve("loaded"), "homebrew.mxcl.vllmd\n");
        Files.createFile(jobs.resolve("running"));
        assertStatus(ExitCode.OK, "running, process 4711");
    }

    @Test
    void statusInJsonIsOneDocument() throws Exception {
        launchd();
        world.run("service", "install");
        var json = world.run("service", "status", "--json").json();
        assertEquals("running", json.get("state"));
        assertEquals(4711L, json.get("pid"));
        assertEquals(plist.toString(), json.get("file"));
    }

    @Test
    void theSystemDaemonIsPreparedForRootToPlace() throws Exception {
        launchd();
        var run = world.run("service", "install", "--system");
        assertEquals(ExitCode.OK, run.exit(), run.err());
        Path prepared = home.resolve("io.vllmd.daemon.plist");
        assertEquals("me", ServiceTemplateTest.plist(Files.readString(prepared)).get("UserName"));
        assertTrue(run.out().contains("sudo launchctl bootstrap system"), run.out());
        world.environment.put("USER", "root");
        assertEquals(
                ExitCode.REFUSED, world.run("service", "install", "--system").exit());
    }

    @Test
    void systemdRunsTheUserUnit() throws Exception {
        standIn("systemctl", SYSTEMCTL);
        assertStatus(ExitCode.NOT_RUNNING, "not installed");
        assertEquals(ExitCode.NOT_FOUND, world.run("service", "stop").exit());
        var run = world.run("service", "install");
        assertEquals(ExitCode.OK, run.exit(), run.err());
        Path unit = home.resolve(".config/systemd/user/vllmd.service");
        assertTrue(Files.readString(unit).contains("ExecStart=\"/opt/vllmd/bin/vllmd\""));
        assertEquals("--user daemon-reload", calls().getFirst());
        assertStatus(ExitCode.OK, "running, process 4712");
        assertEquals(ExitCode.OK, world.run("service", "stop").exit());
        assertStatus(ExitCode.NOT_RUNNING, "stopped (inactive, success)");
        assertEquals(ExitCode.OK, world.run("service", "start").exit());
        assertEquals(ExitCode.OK, world.run("service", "uninstall").exit());
        assertFalse(Files.exists(unit));
    }

    @Test
    void systemdWithoutASessionSaysWhatToDoInstead() throws Exception {
        standIn("systemctl", SYSTEMCTL);
        Files.createFile(jobs.resolve("no-bus"));
        var run = world.run("service", "install");
        assertEquals(ExitCode.FAILED, run.exit());
        assertTrue(run.err().contains("No medium found"), run.err());
        assertTrue(run.err().contains("start the daemon by hand"), run.err());
    }

    @Test
    void aSystemWithNeitherIsTold() {
        world.environment.put("PATH", home.resolve("bin").toString());
        var run = world.run("service", "status");
        assertEquals(ExitCode.REFUSED, run.exit());
        assertTrue(run.err().contains("neither launchd nor systemd"), run.err());
    }

    @Test
    void withoutItsLauncherVllmctlCannotTellWhatToRun() throws Exception {
        launchd();
        world.root = "";
        var run = world.run("service", "install");
        assertEquals(ExitCode.FAILED, run.exit());
        assertTrue(run.err().contains("bin/vllmctl"), run.err());
        assertFalse(Files.exists(plist));
    }

    private void launchd() throws IOException {
        world.os = "Mac OS X";
        standIn("launchctl", LAUNCHCTL);
    }

    private void standIn(String name, String script) throws IOException {
        Path file = Files.createDirectories(home.resolve("bin")).resolve(name);
        Files.writeString(file, script);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private void assertStatus(int exit, String start) {
        var run = world.run("service", "status");
        assertTrue(run.out().startsWith(start), run.out() + run.err());
        assertEquals(exit, run.exit());
    }

    private List<String> calls() throws IOException {
        return Files.readAllLines(jobs.resolve("calls"));
    }
}
