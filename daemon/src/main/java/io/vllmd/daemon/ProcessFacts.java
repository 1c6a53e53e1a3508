package io.vllmd.daemon;

import io.vllmd.control.RuntimeControl;
import io.vllmd.control.protocol.Reports;
import io.vllmd.http.HttpServer;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.MlxThread;
import io.vllmd.mlx.NativeLibrary;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;

/** What {@code vllmctl status} tells of the process; waits for parts that are still coming up. */
record ProcessFacts(MlxThread mlx, CompletableFuture<Device> deviceFound, CompletableFuture<HttpServer> http)
        implements RuntimeControl.Facts {

    @Override
    public String url() {
        return Banner.url(http.join().address());
    }

    @Override
    public String device() {
        return deviceFound.join().name().toLowerCase(Locale.ROOT);
    }

    @Override
    public String mlxVersion() {
        return NativeLibrary.MLX_VERSION;
    }

    @Override
    public Reports.Status.Memory memory() {
        Mlx.Memory memory = mlx.call(Mlx::memory);
        return new Reports.Status.Memory(memory.active(), memory.cached(), memory.peak());
    }
}
