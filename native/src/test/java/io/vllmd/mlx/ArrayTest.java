package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@ExtendWith(OnMlxThread.class)
class ArrayTest {

    @Test
    void valuesAndDescriptionComeBack() {
        Array a = Array.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
        assertArrayEquals(new int[] {2, 3}, a.shape());
        assertEquals(2, a.ndim());
        assertEquals(3, a.dim(-1));
        assertEquals(2, a.dim(0));
        assertEquals(6, a.size());
        assertEquals(24, a.nbytes());
        assertEquals(Dtype.FLOAT32, a.dtype());
        assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, a.toFloats());
        assertArrayEquals(new int[] {1, 2, 3, 4, 5, 6}, a.toInts());
        assertThrows(IllegalArgumentException.class, () -> a.dim(2));
        assertThrows(IllegalArgumentException.class, () -> a.dim(-3));
        int[] shape = a.shape();
        shape[0] = 9;
        assertEquals(2, a.dim(0));
    }

    @ParameterizedTest
    @EnumSource(Dtype.class)
    void everyDtypeHasTheSizeThatMlxGivesIt(Dtype dtype) {
        Array a = Array.allocate(dtype, 3, 5).array();
        assertEquals(dtype, a.dtype());
        assertEquals(15L * dtype.bytes(), a.nbytes());
    }

    @Test
    void emptyAndScalarArrays() {
        Array empty = Array.of(new float[0], 0, 4);
        assertEquals(0, empty.size());
        assertArrayEquals(new float[0], empty.toFloats());
        Array scalar = Array.of(new int[] {7});
        assertArrayEquals(new int[0], scalar.shape());
        assertArrayEquals(new int[] {7}, scalar.toInts());
    }

    @Test
    void valuesComeBackInRowMajorOrderWhateverTheLayout() {
        Array t = Mlx.transpose(Array.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3), 1, 0);
        assertArrayEquals(new float[] {1, 4, 2, 5, 3, 6}, t.toFloats());
        assertArrayEquals(new float[] {1, 4, 2, 5, 3, 6}, t.toFloats());
        Array part = Mlx.slice(Array.of(new int[] {1, 2, 3, 4, 5, 6}, 2, 3), new int[] {0, 1}, new int[] {2, 3});
        assertArrayEquals(new int[] {2, 3, 5, 6}, part.toInts());
    }

    @Test
    void valuesAreConverted() {
        Array half = Mlx.astype(Array.of(new float[] {1.5f, -2.25f}, 2), Dtype.BFLOAT16);
        assertEquals(Dtype.BFLOAT16, half.dtype());
        assertArrayEquals(new float[] {1.5f, -2.25f}, half.toFloats());
        assertArrayEquals(new int[] {1, -2}, half.toInts());
        Array unsigned = Array.copyOf(MemorySegment.ofArray(new int[] {-1, 3}), Dtype.UINT32, 2);
        assertArrayEquals(new int[] {-1, 3}, unsigned.toInts());
        assertArrayEquals(new float[] {0x1p32f, 3}, unsigned.toFloats());
    }

    @Test
    void sizesThatDisagreeAreRefused() {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> Array.of(new float[5], 2, 3));
        assertEquals("FLOAT32 of shape [2, 3] takes 24 bytes, given 20", e.getMessage());
        assertThrows(IllegalArgumentException.class, () -> Array.allocate(Dtype.INT8, 3, -1));
        assertThrows(
                RuntimeException.class,
                () -> Array.allocate(Dtype.INT8, Integer.MAX_VALUE, Integer.MAX_VALUE, Integer.MAX_VALUE));
    }

    @Test
    void allocatedMemoryIsFilledByAnyThread() throws Exception {
        Array.Allocation allocation = Array.allocate(Dtype.INT32, 4, 2);
        Thread filler = Thread.ofPlatform().start(() -> {
            for (int i = 0; i < 8; i++) {
                allocation.memory().setAtIndex(ValueLayout.JAVA_INT, i, i * i);
            }
        });
        filler.join();
        assertArrayEquals(
                new int[] {0, 1, 4, 9, 16, 25, 36, 49}, allocation.array().toInts());
        assertArrayEquals(
                new int[] {1, 2, 5, 10, 17, 26, 37, 50},
                Mlx.add(allocation.array(), Array.of(new int[] {1}, 1)).toInts());
    }

    @Test
    void dataIsTheMemoryItself() {
        Array a = Mlx.add(Array.of(new float[] {1, 2}, 2), Array.of(new float[] {3, 4}, 2));
        assertEquals(6f, a.data().getAtIndex(ValueLayout.JAVA_FLOAT, 1));
        assertEquals(8, a.data().byteSize());
        Array t = Mlx.transpose(Array.of(new float[] {1, 2, 3, 4}, 2, 2), 1, 0);
        assertThrows(MlxException.class, t::data);
    }

    @Test
    void worksOnAStreamOfItsOwn() {
        Stream stream = Stream.on(Device.CPU);
        Array sum = stream.run(() -> Mlx.add(Array.of(new float[] {1}, 1), Array.of(new float[] {2}, 1)));
        Mlx.asyncEval(sum);
        stream.synchronize();
        assertEquals(3, sum.toFloats()[0]);
    }

    @Test
    void memoryIsCounted() {
        long before = Mlx.memory().active();
        Mlx.resetPeak();
        Array a = Array.allocate(Dtype.UINT8, 1 << 20).array();
        assertTrue(Mlx.memory().active() >= before + (1 << 20));
        assertTrue(Mlx.memory().peak() >= before + (1 << 20));
        a.close();
        assertEquals(before, Mlx.memory().active());
        assertTrue(Mlx.memory().cached() >= 1 << 20);
        Mlx.clearCache();
        assertEquals(0, Mlx.memory().cached());
    }

    @Test
    void weightsAreCountedToo() {
        long before = Mlx.memory().active();
        Array first = Array.allocateWeight(Dtype.UINT8, 3 << 20).array();
        Array second = Array.allocateWeight(Dtype.FLOAT32, 100, 1000).array();
        assertTrue(Mlx.memory().active() >= before + (3 << 20) + 400_000);
        first.close();
        second.close();
        assertEquals(before, Mlx.memory().active());
    }

    @Test
    void theCpuIsAlwaysThere() {
        assertTrue(Device.CPU.isAvailable());
        assertEquals(Device.GPU.isAvailable() ? Device.GPU : Device.CPU, Device.preferred());
    }
}
